package tenancy

// Why the domain router found what it found.
const (
	byStatic   = "the host is one of the static tenant's domains"
	byFolder   = "a domain row has the host and the folder"
	byRow      = "a domain row has the host, without folder"
	byFallback = "the host is one of the static tenant's fallback domains"
)

// byDomain is the domain router under the hardened rules.
func (c *call) byDomain(f *finding) bool {
	f.domain = withoutWWW(c.host)
	if at, ok := c.domains[f.domain]; ok {
		f.static, f.reason = at, byStatic
		return true
	}
	if c.dynamic {
		if c.dir.ByDomain(f.domain, candidate(c.target.path), &f.record) {
			f.folder = f.record.Folder
			f.redirect = c.redirects(&f.record)
			f.reason = byRow
			if f.folder != "" {
				f.reason = byFolder
			}
			return true
		}
	}
	if at, ok := c.fallbacks[f.domain]; ok {
		f.static, f.reason = at, byFallback
		return true
	}
	f.kind = Unrouted
	return true
}

// redirects tells whether a row leads elsewhere: not for websockets, whose
// clients do not follow, and not if the row is itself the primary one.
func (c *call) redirects(r *Record) bool {
	return r.RedirectToPrimary && !r.Primary && !c.req.Websocket
}
