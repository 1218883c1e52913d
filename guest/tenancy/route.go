package tenancy

import "github.com/tenantedge/tenantedge/guest/abi"

// call is one Route.
type call struct {
	*Router
	req *Request
	dir Directory
	d   *Decision

	target target // hardened rules
	path   string // strict rules
	host   string // hardened rules: normalized, without port
}

// begin resets and returns the finding of the i-th router.
func (c *call) begin(i int) *finding {
	f := &c.d.findings[i]
	f.kind, f.static = c.routers[i], -1
	f.domain, f.folder, f.reference, f.redirect = "", "", "", false
	return f
}

// finding is the tenant that one router found.
type finding struct {
	kind      Kind // Unrouted: none
	static    int  // index of the static tenant, -1 for a dynamic one
	record    Record
	domain    string
	folder    string
	reference string
	redirect  bool // the row redirects to the primary domain
	reason    string
}

func (r *Router) schema(f *finding) string {
	if f.static >= 0 {
		return r.statics[f.static].schema
	}
	return f.record.Schema
}

// Route decides req and overwrites d with the decision.
func (r *Router) Route(req *Request, dir Directory, d *Decision) {
	d.Reset()
	c := call{Router: r, req: req, dir: dir, d: d}
	if r.strict {
		c.strictly()
	} else {
		c.hardened()
	}
}

// fill copies a finding to the decision, except urlconf and path.
func (c *call) fill(f *finding) {
	d := c.d
	d.Kind, d.Domain, d.Folder, d.Reference = f.kind, f.domain, f.folder, f.reference
	d.Schema = c.schema(f)
	d.CachePrefix, d.Identifier = d.Schema, d.Schema
	if f.static >= 0 {
		return
	}
	d.TenantID, d.Dynamic = f.record.ID, true
	if f.record.HasPathname {
		d.Identifier = f.record.Pathname
		if !c.strict && !isSegment(d.Identifier) {
			d.Identifier = ""
		}
	}
}

// accept sets the outcome: the tenant of f serves the request.
func (c *call) accept(f *finding) {
	c.d.Outcome, c.d.Reason = abi.Tenant, f.reason
}

// confs returns the names of a tenant's route tables under the hardened rules.
func (r *Router) confs(f *finding) (urlconf, wsURLConf string) {
	if f.static < 0 {
		return r.defaults.URLConf, r.defaults.WSURLConf
	}
	s := &r.statics[f.static]
	if s.wsURLConf == "" {
		return s.urlconf, r.defaults.WSURLConf
	}
	return s.urlconf, s.wsURLConf
}

// staticReference finds a static tenant by the value of a header or session.
func (r *Router) staticReference(index map[string]int, f *finding, ref string) bool {
	at, ok := index[ref]
	if ok {
		f.static, f.reason = at, "the reference is a static tenant's schema name or alias"
	}
	return ok
}

// dynamicReference finds a dynamic tenant by the value of a header or session.
func (c *call) dynamicReference(f *finding, ref string) bool {
	if !c.dynamic {
		return false
	}
	f.reason = "the reference is the id or the schema name of a tenant's row"
	return c.dir.ByReference(ref, &f.record)
}
