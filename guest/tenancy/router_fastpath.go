package tenancy

import "github.com/tenantedge/tenantedge/guest/tenancy/fastpath"

// FastPath returns the table for answering plain requests without [Router.Route].
// It is not ok if every request needs Route.
func (r *Router) FastPath() (t fastpath.Table, ok bool) {
	if r.strict || !r.routes(ByDomain) {
		return t, false
	}
	t.Dynamic, t.URLConf, t.WSURLConf = r.dynamic, r.defaults.URLConf, r.defaults.WSURLConf
	if r.placed {
		t.Chooses = &r.defaults
	}
	for i := range r.statics {
		urlconf, wsURLConf := r.confs(&finding{static: i})
		t.Statics = append(t.Statics, fastpath.Static{Schema: r.statics[i].schema, URLConf: urlconf, WSURLConf: wsURLConf})
	}
	t.SetHosts(r.domains, r.fallbacks)
	return t, true
}
