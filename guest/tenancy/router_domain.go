package tenancy

import "github.com/tenantedge/tenantedge/guest/abi"

// Why the domain router found what it found.
const (
	byStatic   = "the host is one of the static tenant's domains"
	byFolder   = "a domain row has the host and the folder"
	byRow      = "a domain row has the host, without folder"
	byFallback = "the host is one of the static tenant's fallback domains"
)

// byDomain is the domain router under the hardened rules. A name that is
// registered with "www." in front is that tenant's; only one that is not stands
// for the name without it.
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

// atDomain finds the tenant of f.domain. It returns ok false if the request is
// refused.
func (c *call) atDomain(f *finding) (found, ok bool) {
	if at, known := c.domains[f.domain]; known {
		f.static, f.reason = at, byStatic
		return true, true
	}
	if c.dynamic {
		if c.dir.ByDomain(f.domain, candidate(c.target.path), &f.record) {
			found, f.folder = true, f.record.Folder
			f.redirect = c.redirects(&f.record)
			f.reason = byRow
		}
		switch {
		case f.folder != "":
			f.reason = byFolder
		case c.target.lenient != "" && c.dir.ByDomain(f.domain, c.target.lenient, &c.d.other) && c.d.other.Folder != "":
			c.d.Refuse(abi.BadRequest, "the path leads into a tenant's folder only for some readers")
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

// leadsHome reports whether the redirect to the primary row for path, which is
// below the row's folder, is served by that row. It is not where a static tenant
// has the domain, where the folder can never match, or where another row has the
// first segment of the path: there the redirect would lead to another tenant, or
// round in a circle.
func (c *call) leadsHome(f *finding, primary *Record, path string) bool {
	name, _, err := cutPort(primary.Domain)
	if err == nil {
		name, err = c.d.normalizeHost(name)
	}
	if err != nil {
		return false
	}
	if _, taken := c.domains[name]; taken {
		return false
	}
	folder := candidate(path)
	if primary.Folder != "" {
		if folder = primary.Folder; !CanBeFolder(folder) {
			return false
		}
	}
	row := &c.d.other
	return c.dir.ByDomain(name, folder, row) && row.ID == f.record.ID && row.Folder == primary.Folder && !c.redirects(row)
}

// redirects reports whether a row leads elsewhere: not for websockets, whose
// clients do not follow, and not if the row is itself the primary one.
func (c *call) redirects(r *Record) bool {
	return r.RedirectToPrimary && !r.Primary && !c.req.Websocket
}
