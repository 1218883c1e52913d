package tenancy

// Shortcut is what it takes to decide about plain requests without
// [Router.Route], to the same end: in Wasm, where calls and copies are dear,
// package guest answers nearly all requests so. A request is plain if
// [PlainHost] and [PlainTarget] say so, if it is neither a handshake nor one
// that wants reasons, and if nothing but its host and path names a tenant. Its
// tenant is then the row that the directory has for them, unless the host may
// be a static tenant's; rows that redirect are for Route.
type Shortcut struct {
	URLConf, WSURLConf string // of all dynamic tenants
	// statics has a bit for each domain of a static tenant, and so for every
	// 4,096th host that is none.
	statics [64]uint64
}

// Shortcut returns the router's shortcut, if it has one.
func (r *Router) Shortcut() (s Shortcut, ok bool) {
	if r.strict || !r.dynamic || !r.routes(ByDomain) {
		return s, false
	}
	s.URLConf, s.WSURLConf = r.fallback.URLConf, r.fallback.WSURLConf
	// Fallback domains count only where there is no row, but a static tenant may
	// well have the same name in both lists, and neither is frequent.
	for domain := range r.domains {
		h := hashHost(domain)
		s.statics[h>>58] |= 1 << (h >> 52 & 63)
	}
	return s, true
}

// MayBeStatic tells whether a host with that hash may be one of the domains of
// a static tenant.
func (s *Shortcut) MayBeStatic(hash uint64) bool {
	return s.statics[hash>>58]>>(hash>>52&63)&1 != 0
}
