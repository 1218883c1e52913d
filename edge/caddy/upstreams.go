package tenantedge

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/tenantedge/tenantedge/edge/tenant"
)

// Upstreams are the addresses to which reverse_proxy sends the requests of a tenant
// that a `tenantedge` handler before it has found: those of an attribute of the
// tenant's row, or the upstream of the tenant's urlconf in the configuration.
//
// reverse_proxy keeps connections by address, so tenants with the same address share
// them. The handler `tenantedge` with `serve` does not share connections.
type Upstreams struct {
	// The edge of the urlconfs. Default: the only one.
	Edge string `json:"edge,omitempty"`
	// The attribute whose value chooses the addresses. Without it, the urlconf does.
	Attribute string `json:"attribute,omitempty"`
	// Addresses for each value of the attribute, such as 10.0.0.1:8000. Without
	// values, the attribute itself holds addresses, separated by white space or
	// commas: then whoever writes the row chooses where requests go.
	Values map[string][]string `json:"values,omitempty"`
	// Addresses for tenants whose attribute is missing, or is none of the values.
	// Without them, such requests get 503.
	Default []string `json:"default,omitempty"`

	values   map[string][]*reverseproxy.Upstream
	fallback []*reverseproxy.Upstream
}

// CaddyModule returns the Caddy module information.
func (*Upstreams) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.upstreams.tenantedge", New: func() caddy.Module { return new(Upstreams) }}
}

// Provision checks the addresses.
func (u *Upstreams) Provision(ctx caddy.Context) (err error) {
	if u.fallback, err = dials(u.Default); err != nil {
		return fmt.Errorf("default: %w", err)
	}
	u.values = make(map[string][]*reverseproxy.Upstream, len(u.Values))
	for value, addresses := range u.Values {
		if u.values[value], err = dials(addresses); err != nil {
			return fmt.Errorf("values: %s: %w", value, err)
		}
	}
	if u.Attribute != "" {
		return nil
	}
	if len(u.Values) > 0 {
		return fmt.Errorf("expected an attribute that has the values, found none")
	}
	return u.readURLConfs(ctx)
}

// readURLConfs makes the upstreams of the urlconfs the values.
func (u *Upstreams) readURLConfs(ctx caddy.Context) error {
	r, err := edgeOf(ctx, u.Edge)
	if err != nil {
		return err
	}
	for name, c := range r.file.URLConfs {
		switch at := c.Upstream; {
		case at == nil:
			continue
		case at.Scheme != "http" || strings.Trim(at.Path, "/") != "":
			return fmt.Errorf("urlconf %s: expected an upstream such as http://127.0.0.1:8000, found %s, which reverse_proxy cannot take from a urlconf; use tenantedge_serve", name, at.Redacted())
		default:
			address := at.Host
			if at.Port() == "" {
				address = net.JoinHostPort(at.Hostname(), "80")
			}
			u.values[name] = []*reverseproxy.Upstream{{Dial: address}}
		}
	}
	return nil
}

// GetUpstreams implements reverseproxy.UpstreamSource. It returns no error: with one,
// reverse_proxy would use its static upstreams.
func (u *Upstreams) GetUpstreams(r *http.Request) ([]*reverseproxy.Upstream, error) {
	s := routingOf(r.Context())
	if s == nil || s.tenant == nil {
		return nil, nil
	}
	found, ok := u.of(s.tenant)
	if !ok {
		found = u.fallback
	}
	// reverse_proxy completes the elements for each request.
	upstreams := make([]*reverseproxy.Upstream, len(found))
	for i, one := range found {
		upstreams[i] = &reverseproxy.Upstream{Dial: one.Dial}
	}
	return upstreams, nil
}

func (u *Upstreams) of(t *tenant.Tenant) ([]*reverseproxy.Upstream, bool) {
	if u.Attribute == "" {
		found, ok := u.values[t.URLConf]
		return found, ok
	}
	value, _ := t.Attributes.Get(u.Attribute)
	if len(u.Values) > 0 {
		found, ok := u.values[value]
		return found, ok
	}
	found, err := dials(strings.FieldsFunc(value, func(c rune) bool { return strings.ContainsRune(", \t\r\n", c) }))
	return found, err == nil && len(found) > 0
}

// dials returns upstreams with these addresses. They are host:port, so that no value
// of a row can contain a placeholder or name a socket of this machine.
func dials(addresses []string) ([]*reverseproxy.Upstream, error) {
	var all []*reverseproxy.Upstream
	for _, address := range addresses {
		host, port, err := net.SplitHostPort(address)
		if err != nil || host == "" || port == "" || strings.ContainsAny(address, "{}/@") {
			return nil, fmt.Errorf("expected an address such as 10.0.0.1:8000, found %q", address)
		}
		all = append(all, &reverseproxy.Upstream{Dial: address})
	}
	return all, nil
}

var (
	_ caddy.Provisioner           = (*Upstreams)(nil)
	_ reverseproxy.UpstreamSource = (*Upstreams)(nil)
)
