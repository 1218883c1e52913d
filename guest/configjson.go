package guest

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// A guest reads one sort of JSON document, once. encoding/json is a tenth of
// the default guest's size for that, so the document is read here, as
// encoding/json reads it, save that no key may stand twice in an object.

// readConfig reads the JSON of an abi.Config.
func readConfig(raw []byte) (c abi.Config, err error) {
	r := jsonReader{b: raw}
	r.object(func(key string) {
		switch {
		case is(key, "abi"):
			r.number(&c.ABI)
		case is(key, "compat"):
			r.text(&c.Compat)
		case is(key, "routers"):
			r.texts(&c.Routers)
		case is(key, "conflicts"):
			r.text(&c.Conflicts)
		case is(key, "tenant_header"):
			r.text(&c.TenantHeader)
		case is(key, "tenant_session_key"):
			r.text(&c.TenantSessionKey)
		case is(key, "tenants"):
			if r.array(func() {
				c.Tenants = append(c.Tenants, abi.StaticTenant{})
				r.tenant(&c.Tenants[len(c.Tenants)-1])
			}) && c.Tenants == nil {
				c.Tenants = []abi.StaticTenant{}
			}
		case is(key, "default"):
			if r.null() {
				return
			}
			c.Default = &abi.DefaultTenant{}
			r.defaults(c.Default)
		case is(key, "ws_urlconfs"):
			if r.null() {
				return
			}
			c.WSURLConfs = map[string][]abi.WSRoute{}
			r.object(func(name string) { c.WSURLConfs[name] = r.routes() })
		case is(key, "settings"):
			c.Settings = append(c.Settings, r.any()...)
		default:
			r.any()
		}
	})
	if r.space(); r.at < len(r.b) {
		r.fail("the end")
	}
	return c, r.err
}

// is compares keys as encoding/json does.
func is(key, name string) bool { return key == name || strings.EqualFold(key, name) }

func (r *jsonReader) tenant(t *abi.StaticTenant) {
	r.object(func(key string) {
		switch {
		case is(key, "schema"):
			r.text(&t.Schema)
		case is(key, "domains"):
			r.texts(&t.Domains)
		case is(key, "fallback_domains"):
			r.texts(&t.FallbackDomains)
		case is(key, "urlconf"):
			r.text(&t.URLConf)
		case is(key, "ws_urlconf"):
			r.text(&t.WSURLConf)
		case is(key, "header"):
			t.Header = r.optional()
		case is(key, "session_key"):
			t.SessionKey = r.optional()
		default:
			r.any()
		}
	})
}

func (r *jsonReader) defaults(d *abi.DefaultTenant) {
	r.object(func(key string) {
		switch {
		case is(key, "urlconf"):
			r.text(&d.URLConf)
		case is(key, "ws_urlconf"):
			r.text(&d.WSURLConf)
		case is(key, "clone_reference"):
			r.text(&d.CloneReference)
		default:
			r.any()
		}
	})
}

func (r *jsonReader) routes() (routes []abi.WSRoute) {
	if r.array(func() {
		var route abi.WSRoute
		r.object(func(key string) {
			switch {
			case is(key, "path"):
				route.Path = r.optional()
			case is(key, "regex"):
				route.Regex = r.optional()
			case is(key, "name"):
				r.text(&route.Name)
			default:
				r.any()
			}
		})
		routes = append(routes, route)
	}) && routes == nil {
		routes = []abi.WSRoute{}
	}
	return routes
}
