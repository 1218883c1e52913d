package tenancy

// Shortcut is what it takes to decide about plain requests without
// [Router.Route], to the same end: in Wasm, where calls and copies are dear,
// package guest answers nearly all requests so. A request is plain if
// [PlainHost] and [PlainTarget] say so, if it is neither a handshake nor one
// that wants reasons, if its path is not odd, and if nothing but its host and
// path names a tenant. It is served by the static tenant that has the host
// among its domains, else by the row that the directory has for host and folder,
// else by the static tenant that has the host among its fallback domains, else
// by the same steps without a leading "www.".
// Rows that redirect are for Route.
type Shortcut struct {
	Dynamic            bool   // there are rows to ask for
	URLConf, WSURLConf string // of all dynamic tenants
	Statics            []ShortStatic

	// names is a hash table with open addressing: a map of Go's would have to
	// hash the host once more, slowly.
	names []shortName
}

// ShortStatic is what a decision for a static tenant says.
type ShortStatic struct{ Schema, URLConf, WSURLConf string }

// shortName is a host that static tenants have. Its tenants are counted from 1.
type shortName struct {
	name             string
	hash             uint64
	domain, fallback int
}

// NoTenant is the reason why a plain request is answered with abi.Missing.
const NoTenant = "no router finds a tenant"

// Shortcut returns the router's shortcut, if it has one.
func (r *Router) Shortcut() (s Shortcut, ok bool) {
	if r.strict || !r.routes(ByDomain) {
		return s, false
	}
	s.Dynamic, s.URLConf, s.WSURLConf = r.dynamic, r.fallback.URLConf, r.fallback.WSURLConf
	for i := range r.statics {
		urlconf, wsURLConf := r.confs(&finding{static: i})
		s.Statics = append(s.Statics, ShortStatic{r.statics[i].schema, urlconf, wsURLConf})
	}
	size := 1
	for size < 2*len(r.served)+1 {
		size *= 2
	}
	s.names = make([]shortName, size)
	for name, at := range r.domains {
		s.slot(name).domain = at + 1
	}
	for name, at := range r.fallbacks {
		s.slot(name).fallback = at + 1
	}
	return s, true
}

// slot is that of name, made if it is new.
func (s *Shortcut) slot(name string) *shortName {
	hash := hashHost(name)
	for i := hash; ; i++ {
		n := &s.names[i&uint64(len(s.names)-1)]
		if n.name == "" {
			n.name, n.hash = name, hash
		}
		if n.name == name {
			return n
		}
	}
}

// Static finds the static tenants that have a host among their domains, and
// among their fallback domains: indices into Statics, or -1. The hash is that
// of [PlainHost].
func (s *Shortcut) Static(host string, hash uint64) (domain, fallback int) {
	for i := hash; ; i++ {
		n := &s.names[i&uint64(len(s.names)-1)]
		if n.name == "" {
			return -1, -1
		}
		if n.hash == hash && n.name == host {
			return n.domain - 1, n.fallback - 1
		}
	}
}
