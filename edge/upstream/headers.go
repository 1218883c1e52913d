package upstream

import (
	"net/http"

	"github.com/tenantedge/tenantedge/edge/tenant"
)

// Headers names the request headers that carry a decision to applications. A value
// whose name is empty is not sent.
type Headers struct {
	Schema      string // default "tenant", where django-pgschemas looks
	ID          string
	Routing     string // "domain", "header" or "session"
	Folder      string
	CachePrefix string
	Identifier  string
}

// DefaultHeaders carries the schema in the header "tenant".
func DefaultHeaders() *Headers { return &Headers{Schema: "tenant"} }

// Names returns the names that are not empty.
func (h *Headers) Names() []string {
	var names []string
	for _, n := range []string{h.Schema, h.ID, h.Routing, h.Folder, h.CachePrefix, h.Identifier} {
		if n != "" {
			names = append(names, n)
		}
	}
	return names
}

// Set sets the headers for a tenant. Empty values are left out.
func (h *Headers) Set(out http.Header, t *tenant.Tenant) {
	set := func(name, value string) {
		if name != "" && value != "" {
			out.Set(name, value)
		}
	}
	set(h.Schema, t.Schema)
	set(h.ID, t.ID)
	set(h.Routing, string(t.Routing.Router))
	set(h.Folder, t.Routing.Folder)
	set(h.CachePrefix, t.CachePrefix)
	set(h.Identifier, t.Identifier)
}
