package guest

import (
	"errors"
	"slices"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/jsonread"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Settings reads guest.settings of the configuration, which may be absent, into
// members. Errors have the prefix "settings: ".
//
//	var urlconf string
//	err := guest.Settings(c, jsonread.Members{"urlconf": &urlconf})
func Settings(c *abi.Config, members jsonread.Members) error {
	if len(c.Settings) == 0 {
		return nil
	}
	if err := jsonread.Object(c.Settings, members.Read); err != nil {
		return errors.New("settings: " + err.Error())
	}
	return nil
}

// Default routes as the default guest does, for guests that change some of its
// decisions. Call its methods in the handlers of the same name.
//
//	var byDefault guest.Default
//
//	func configure(c *abi.Config) (abi.Configured, error) {
//		return byDefault.Configure(c, abi.Configured{SetHeaders: []string{"X-Plan"}})
//	}
//
//	func route(r *guest.Request, d *guest.Decision) {
//		byDefault.Route(r, d)
//		if plan, ok := byDefault.Attribute(d, "plan"); ok {
//			d.Headers = append(d.Headers, "X-Plan", plan)
//		}
//	}
type Default struct {
	router  *tenancy.Router
	headers int // number of headers that the router needs
}

// Configure returns own with the headers that the default guest needs in front of
// own.Headers.
func (f *Default) Configure(c *abi.Config, own abi.Configured) (abi.Configured, error) {
	router, err := tenancy.New(c)
	if err != nil {
		return own, err
	}
	needed := router.Headers()
	f.router, f.headers = router, len(needed)
	own.Headers = append(needed[:len(needed):len(needed)], own.Headers...)
	return own, nil
}

// Headers returns the values of own.Headers in the call of Configure.
func (f *Default) Headers(r *Request) []Header { return r.Headers[f.headers:] }

// Route decides r like the default guest. The guest may change d afterwards.
func (f *Default) Route(r *Request, d *Decision) { f.router.Route(r, directory, d) }

// ConfigureNamed is Configure for guests that call RouteNamed.
func (f *Default) ConfigureNamed(c *abi.Config, own abi.Configured) (abi.Configured, error) {
	if !slices.Contains(c.Routers, abi.ByHeader) {
		c.Routers = append(c.Routers, abi.ByHeader)
	}
	return f.Configure(c, own)
}

// RouteNamed is Route for guests that find the tenant themselves: it decides r as if
// a trusted peer had named the schema in the tenant header. What the default guest
// checks, such as the path, is checked. If the host is a domain of another tenant,
// the decision is what the configuration has for conflicts.
func (f *Default) RouteNamed(r *Request, d *Decision, schema string) {
	for i := range f.headers {
		// Strict rules know several spellings of the header. They join the values, but
		// read only one of them, not always the first, for a websocket handshake.
		r.Headers[i] = Header{Value: schema, Present: i == 0 || r.Websocket}
	}
	r.Trusted = true
	f.Route(r, d)
	if d.Outcome == abi.None || d.Outcome == abi.Tenant && d.Schema != schema { // the name is an id or an alias
		d.Reset()
		d.Refuse(abi.Missing, "no tenant has this schema")
	}
}

// Attribute looks up a column of the row of d's tenant, as [Record.Attribute]. A
// tenant of the TENANTS table has no row.
func (f *Default) Attribute(d *Decision, name string) (value string, ok bool) {
	if !d.Dynamic {
		return "", false
	}
	var row Record
	for _, reference := range [...]string{d.TenantID, d.Schema} { // one can be the other kind of another tenant
		if directory.ByReference(reference, &row) && row.Schema == d.Schema {
			return row.Attribute(name)
		}
	}
	return "", false
}
