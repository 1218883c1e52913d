package tenancy

import "github.com/tenantedge/tenantedge/guest/abi"

// Reasons of the domain router.
const (
	byStatic   = "the host is one of the static tenant's domains"
	byFolder   = "a domain row has the host and the folder"
	byRow      = "a domain row without a folder has the host"
	byFallback = "the host is one of the static tenant's fallback domains"
)

// byDomain is the domain router under the hardened rules. It looks a name with
// "www." up as it is before it removes the "www.". It returns false if it refused
// the request.
func (c *call) byDomain(f *finding) bool {
	f.domain = c.host
	found, ok := c.atDomain(f)
	if rest := withoutWWW(c.host); ok && !found && rest != c.host {
		f.domain = rest
		found, ok = c.atDomain(f)
	}
	if !found {
		f.kind = Unrouted
	}
	return ok
}

// atDomain finds the tenant of f.domain. It is not ok if it refused the request.
func (c *call) atDomain(f *finding) (found, ok bool) {
	if at, known := c.domains[f.domain]; known {
		f.static, f.reason = at, byStatic
		return true, true
	}
	if c.dynamic {
		if c.dir.ByDomain(f.domain, firstSegment(c.target.path), &f.record) {
			found, f.folder = true, f.record.Folder
			f.redirect = c.redirects(&f.record)
			f.reason = byRow
		}
		switch {
		case f.folder != "":
			f.reason = byFolder
		case c.target.lenient != "" && c.dir.ByDomain(f.domain, c.target.lenient, &c.d.other) && c.d.other.Folder != "":
			c.d.Refuse(abi.BadRequest, "only some servers read the path as one in a tenant's folder")
			return false, false
		}
		if found {
			return true, true
		}
	}
	if at, known := c.fallbacks[f.domain]; known {
		f.static, f.reason = at, byFallback
		return true, true
	}
	return false, true
}

// primaryServes reports whether the primary row would serve path after a redirect.
// It would not if a static tenant has the domain, if the folder can never match,
// or if another row has the first segment of the path as its folder: the redirect
// would lead to another tenant, or never end.
func (c *call) primaryServes(f *finding, primary *Record, path string) bool {
	name, _, err := cutPort(primary.Domain)
	if err == nil {
		name, err = c.d.normalizeHost(name)
	}
	if err != nil {
		return false
	}
	if _, static := c.domains[name]; static {
		return false
	}
	folder := firstSegment(path)
	if primary.Folder != "" {
		if folder = primary.Folder; !CanBeFolder(folder) {
			return false
		}
	}
	row := &c.d.other
	return c.dir.ByDomain(name, folder, row) && row.ID == f.record.ID && row.Folder == primary.Folder && !c.redirects(row)
}

// redirects reports whether a row redirects to the primary one. Primary rows do
// not, and no row does for websockets, whose clients do not follow redirects.
func (c *call) redirects(r *Record) bool {
	return r.RedirectToPrimary && !r.Primary && !c.req.Websocket
}
