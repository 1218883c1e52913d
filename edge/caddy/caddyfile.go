package tenantedge

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// defaultEdge is the name of an edge that the Caddyfile does not name.
const defaultEdge = "default"

// parseApp parses the global option, which may be repeated with other names:
//
//	tenantedge [<edge>] {
//	    config       <file>
//	    inline       <yaml>
//	    load_timeout <duration>
//	}
func parseApp(d *caddyfile.Dispenser, existing any) (any, error) {
	app := new(App)
	if before, ok := existing.(httpcaddyfile.App); ok {
		if err := json.Unmarshal(before.Value, app); err != nil {
			return nil, err
		}
	}
	if app.Edges == nil {
		app.Edges = make(map[string]*Edge)
	}
	d.Next()
	name := defaultEdge
	if d.NextArg() {
		name = d.Val()
	}
	if d.NextArg() {
		return nil, d.ArgErr()
	}
	if app.Edges[name] != nil {
		return nil, d.Errf("the edge %s is defined twice", name)
	}
	e := new(Edge)
	app.Edges[name] = e
	err := eachOption(d, map[string]func() error{
		"config": func() error { return oneArg(d, &e.Config) },
		"inline": func() error {
			var text string
			err := oneArg(d, &text)
			e.Inline = caddyconfig.JSON(text, nil)
			return err
		},
		"load_timeout": func() error {
			var text string
			if err := oneArg(d, &text); err != nil {
				return err
			}
			timeout, err := caddy.ParseDuration(text)
			if err != nil {
				return d.Errf("load_timeout: %v", err)
			}
			e.LoadTimeout = caddy.Duration(timeout)
			return nil
		},
	})
	if err == nil && e.Config == "" && e.Inline == nil {
		err = d.Errf("the edge %s has no configuration; add config or inline", name)
	}
	return httpcaddyfile.App{Name: "tenantedge", Value: caddyconfig.JSON(app, nil)}, err
}

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	m := new(Handler)
	return m, m.UnmarshalCaddyfile(h.Dispenser)
}

// parseServe parses the directive tenantedge_serve: tenantedge with serve, after the
// other directives.
func parseServe(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	m := &Handler{Serve: true}
	return m, m.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	tenantedge [<matcher>] [<edge>] {
//	    serve
//	    leave_errors
//	    strip_folder
//	    trust_tenant_header
//	}
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		h.Edge = d.Val()
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	return eachOption(d, map[string]func() error{
		"serve":               func() error { return flag(d, &h.Serve) },
		"leave_errors":        func() error { return flag(d, &h.LeaveErrors) },
		"strip_folder":        func() error { return flag(d, &h.StripFolder) },
		"trust_tenant_header": func() error { return flag(d, &h.TrustTenantHeader) },
	})
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	@name tenant {
//	    schema|id|routing|domain|folder|urlconf <values...>
//	    attr <name> <values...>
//	}
func (m *Matcher) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		if d.NextArg() {
			return d.ArgErr()
		}
		options := map[string]func() error{"attr": func() error {
			if !d.NextArg() {
				return d.ArgErr()
			}
			if m.Attributes == nil {
				m.Attributes = make(map[string][]string)
			}
			name, values := d.Val(), []string(nil)
			err := manyArgs(d, &values)
			m.Attributes[name] = append(m.Attributes[name], values...)
			return err
		}}
		for name, values := range m.lists() {
			options[name] = func() error { return manyArgs(d, values) }
		}
		if err := eachOption(d, options); err != nil {
			return err
		}
	}
	return nil
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	dynamic tenantedge [<edge>] {
//	    attribute <name>
//	    value     <value> <addresses...>
//	    default   <addresses...>
//	}
func (u *Upstreams) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		u.Edge = d.Val()
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	return eachOption(d, map[string]func() error{
		"attribute": func() error { return oneArg(d, &u.Attribute) },
		"default":   func() error { return manyArgs(d, &u.Default) },
		"value": func() error {
			if !d.NextArg() {
				return d.ArgErr()
			}
			if u.Values == nil {
				u.Values = make(map[string][]string)
			}
			value, addresses := d.Val(), []string(nil)
			err := manyArgs(d, &addresses)
			u.Values[value] = append(u.Values[value], addresses...)
			return err
		},
	})
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	permission tenantedge [<edge>] {
//	    www
//	}
func (p *Permission) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		p.Edge = d.Val()
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	return eachOption(d, map[string]func() error{"www": func() error { return flag(d, &p.WWW) }})
}

func parseFiles(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	return new(Files), noArgs(h.Dispenser)
}

func parseWebsocket(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	return new(Websocket), noArgs(h.Dispenser)
}

// noArgs parses a directive that has neither arguments nor a block.
func noArgs(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.ArgErr()
	}
	return eachOption(d, nil)
}

// eachOption parses the block of a directive: each line by the function of its first
// word.
func eachOption(d *caddyfile.Dispenser, options map[string]func() error) error {
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		parse, ok := options[d.Val()]
		if !ok {
			return d.Errf("unrecognized option '%s'", d.Val())
		}
		if err := parse(); err != nil {
			return err
		}
	}
	return nil
}

func flag(d *caddyfile.Dispenser, to *bool) error {
	*to = true
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}

func oneArg(d *caddyfile.Dispenser, to *string) error {
	if !d.AllArgs(to) {
		return d.ArgErr()
	}
	return nil
}

func manyArgs(d *caddyfile.Dispenser, to *[]string) error {
	values := d.RemainingArgs()
	*to = append(*to, values...)
	if len(values) == 0 {
		return d.ArgErr()
	}
	return nil
}

var (
	_ caddyfile.Unmarshaler = (*Handler)(nil)
	_ caddyfile.Unmarshaler = (*Matcher)(nil)
	_ caddyfile.Unmarshaler = (*Upstreams)(nil)
	_ caddyfile.Unmarshaler = (*Permission)(nil)
)
