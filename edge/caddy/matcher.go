package tenantedge

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Matcher matches requests by the tenant that a `tenantedge` handler before it has
// found. A request without a tenant does not match. Each property must have one of
// its values; without properties every tenant matches.
type Matcher struct {
	// Schemas of tenants.
	Schema []string `json:"schema,omitempty"`
	// Ids of tenants' rows.
	ID []string `json:"id,omitempty"`
	// How the tenant was found: domain, header or session.
	Routing []string `json:"routing,omitempty"`
	// Domains that matched.
	Domain []string `json:"domain,omitempty"`
	// Folders that matched.
	Folder []string `json:"folder,omitempty"`
	// Names of urlconfs.
	URLConf []string `json:"urlconf,omitempty"`
	// Attributes of tenants' rows, by name.
	Attributes map[string][]string `json:"attributes,omitempty"`

	fields map[string][]string
}

// CaddyModule returns the Caddy module information.
func (*Matcher) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.tenant", New: func() caddy.Module { return new(Matcher) }}
}

// Provision collects the properties that are set.
func (m *Matcher) Provision(caddy.Context) error {
	m.fields = make(map[string][]string)
	for name, values := range m.lists() {
		if len(*values) > 0 {
			m.fields[name] = *values
		}
	}
	return nil
}

// lists returns the lists of values by the names that the Caddyfile has for them.
func (m *Matcher) lists() map[string]*[]string {
	return map[string]*[]string{
		"schema": &m.Schema, "id": &m.ID, "routing": &m.Routing, "domain": &m.Domain, "folder": &m.Folder, "urlconf": &m.URLConf,
	}
}

// Match implements caddyhttp.RequestMatcher.
func (m *Matcher) Match(r *http.Request) bool {
	s := routingOf(r.Context())
	if s == nil || s.tenant == nil {
		return false
	}
	for name, values := range m.fields {
		if value, _ := field(s.tenant, name); !slices.Contains(values, value) {
			return false
		}
	}
	for name, values := range m.Attributes {
		if value, ok := s.tenant.Attributes.Get(name); !ok || !slices.Contains(values, value) {
			return false
		}
	}
	return true
}

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m *Matcher) MatchWithError(r *http.Request) (bool, error) { return m.Match(r), nil }

var (
	_ caddy.Provisioner                 = (*Matcher)(nil)
	_ caddyhttp.RequestMatcherWithError = (*Matcher)(nil)
)
