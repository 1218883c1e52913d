package guest

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/jsonread"
)

// readConfig decodes the JSON of an abi.Config as encoding/json does, which would
// make up a tenth of the default guest, but rejects duplicate keys.
func readConfig(raw []byte) (c abi.Config, err error) {
	err = jsonread.Object(raw, func(r *jsonread.Reader, key string) {
		switch {
		case matches(key, "abi"):
			r.Integer(&c.ABI)
		case matches(key, "compat"):
			r.Text((*string)(&c.Compat))
		case matches(key, "routers"):
			jsonread.Texts(r, &c.Routers)
		case matches(key, "conflicts"):
			r.Text((*string)(&c.Conflicts))
		case matches(key, "tenant_header"):
			r.Text(&c.TenantHeader)
		case matches(key, "tenant_session_key"):
			r.Text(&c.TenantSessionKey)
		case matches(key, "tenants"):
			if r.Array(func() {
				c.Tenants = append(c.Tenants, abi.StaticTenant{})
				readTenant(r, &c.Tenants[len(c.Tenants)-1])
			}) && c.Tenants == nil {
				c.Tenants = []abi.StaticTenant{}
			}
		case matches(key, "default"):
			if r.Null() {
				return
			}
			c.Default = &abi.DefaultTenant{}
			readDefaults(r, c.Default)
		case matches(key, "ws_urlconfs"):
			if r.Null() {
				return
			}
			c.WSURLConfs = map[string][]abi.WSRoute{}
			r.Object(func(name string) { c.WSURLConfs[name] = readRoutes(r) })
		case matches(key, "settings"):
			c.Settings = append(c.Settings, r.Value()...)
		default:
			r.Value()
		}
	})
	return c, err
}

// matches compares keys as encoding/json does: ignoring case.
func matches(key, name string) bool { return key == name || strings.EqualFold(key, name) }

func readTenant(r *jsonread.Reader, t *abi.StaticTenant) {
	r.Object(func(key string) {
		switch {
		case matches(key, "schema"):
			r.Text(&t.Schema)
		case matches(key, "domains"):
			jsonread.Texts(r, &t.Domains)
		case matches(key, "fallback_domains"):
			jsonread.Texts(r, &t.FallbackDomains)
		case matches(key, "urlconf"):
			r.Text(&t.URLConf)
		case matches(key, "ws_urlconf"):
			r.Text(&t.WSURLConf)
		case matches(key, "header"):
			t.Header = r.Optional()
		case matches(key, "session_key"):
			t.SessionKey = r.Optional()
		default:
			r.Value()
		}
	})
}

func readDefaults(r *jsonread.Reader, d *abi.DefaultTenant) {
	r.Object(func(key string) {
		switch {
		case matches(key, "urlconf"):
			r.Text(&d.URLConf)
		case matches(key, "ws_urlconf"):
			r.Text(&d.WSURLConf)
		case matches(key, "clone_reference"):
			r.Text(&d.CloneReference)
		case matches(key, "status"):
			d.Status = readChoice(r)
		case matches(key, "urlconf_by"):
			d.URLConfBy = readChoice(r)
		case matches(key, "ws_urlconf_by"):
			d.WSURLConfBy = readChoice(r)
		default:
			r.Value()
		}
	})
}

func readChoice(r *jsonread.Reader) *abi.Choice {
	if r.Null() {
		return nil
	}
	c := &abi.Choice{}
	r.Object(func(key string) {
		switch {
		case matches(key, "attribute"):
			r.Text(&c.Attribute)
		case matches(key, "values"):
			r.TextMap(&c.Values)
		default:
			r.Value()
		}
	})
	return c
}

func readRoutes(r *jsonread.Reader) (routes []abi.WSRoute) {
	if r.Array(func() {
		var route abi.WSRoute
		r.Object(func(key string) {
			switch {
			case matches(key, "path"):
				route.Path = r.Optional()
			case matches(key, "regex"):
				route.Regex = r.Optional()
			case matches(key, "name"):
				r.Text(&route.Name)
			default:
				r.Value()
			}
		})
		routes = append(routes, route)
	}) && routes == nil {
		routes = []abi.WSRoute{}
	}
	return routes
}
