package guest

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// The configuration is the only JSON that the default guest reads, and
// encoding/json would make up a tenth of the guest. This reader gives the same
// result, but rejects duplicate keys.

// readConfig decodes the JSON of an abi.Config.
func readConfig(raw []byte) (c abi.Config, err error) {
	r := jsonReader{b: raw}
	r.object(func(key string) {
		switch {
		case matches(key, "abi"):
			r.integer(&c.ABI)
		case matches(key, "compat"):
			r.text((*string)(&c.Compat))
		case matches(key, "routers"):
			texts(&r, &c.Routers)
		case matches(key, "conflicts"):
			r.text((*string)(&c.Conflicts))
		case matches(key, "tenant_header"):
			r.text(&c.TenantHeader)
		case matches(key, "tenant_session_key"):
			r.text(&c.TenantSessionKey)
		case matches(key, "tenants"):
			if r.array(func() {
				c.Tenants = append(c.Tenants, abi.StaticTenant{})
				r.tenant(&c.Tenants[len(c.Tenants)-1])
			}) && c.Tenants == nil {
				c.Tenants = []abi.StaticTenant{}
			}
		case matches(key, "default"):
			if r.null() {
				return
			}
			c.Default = &abi.DefaultTenant{}
			r.defaults(c.Default)
		case matches(key, "ws_urlconfs"):
			if r.null() {
				return
			}
			c.WSURLConfs = map[string][]abi.WSRoute{}
			r.object(func(name string) { c.WSURLConfs[name] = r.routes() })
		case matches(key, "settings"):
			c.Settings = append(c.Settings, r.value()...)
		default:
			r.value()
		}
	})
	if r.space(); r.at < len(r.b) {
		r.fail("the end of the document")
	}
	return c, r.err
}

// matches compares keys as encoding/json does: ignoring case.
func matches(key, name string) bool { return key == name || strings.EqualFold(key, name) }

func (r *jsonReader) tenant(t *abi.StaticTenant) {
	r.object(func(key string) {
		switch {
		case matches(key, "schema"):
			r.text(&t.Schema)
		case matches(key, "domains"):
			texts(r, &t.Domains)
		case matches(key, "fallback_domains"):
			texts(r, &t.FallbackDomains)
		case matches(key, "urlconf"):
			r.text(&t.URLConf)
		case matches(key, "ws_urlconf"):
			r.text(&t.WSURLConf)
		case matches(key, "header"):
			t.Header = r.optional()
		case matches(key, "session_key"):
			t.SessionKey = r.optional()
		default:
			r.value()
		}
	})
}

func (r *jsonReader) defaults(d *abi.DefaultTenant) {
	r.object(func(key string) {
		switch {
		case matches(key, "urlconf"):
			r.text(&d.URLConf)
		case matches(key, "ws_urlconf"):
			r.text(&d.WSURLConf)
		case matches(key, "clone_reference"):
			r.text(&d.CloneReference)
		default:
			r.value()
		}
	})
}

func (r *jsonReader) routes() (routes []abi.WSRoute) {
	if r.array(func() {
		var route abi.WSRoute
		r.object(func(key string) {
			switch {
			case matches(key, "path"):
				route.Path = r.optional()
			case matches(key, "regex"):
				route.Regex = r.optional()
			case matches(key, "name"):
				r.text(&route.Name)
			default:
				r.value()
			}
		})
		routes = append(routes, route)
	}) && routes == nil {
		routes = []abi.WSRoute{}
	}
	return routes
}
