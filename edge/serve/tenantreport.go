package serve

import (
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/hold"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// TenantReport is the answer of /tenants/{schema}: what this edge does for a tenant.
type TenantReport struct {
	Schema string `json:"schema"`
	ID     string `json:"id,omitempty"` // of its row; empty: a static tenant
	// Status and URLConf are what the row chooses at this moment. A guest with rules of
	// its own may choose another urlconf.
	Status  string `json:"status,omitempty"`
	URLConf string `json:"urlconf"`
	// InProgress counts requests that are being served, with the websockets that pass
	// through to an application, but not those that wait.
	InProgress int `json:"in_progress"`
	Waiting    int `json:"waiting"`    // in a hold
	Websockets int `json:"websockets"` // that the edge relays to an application
}

// Tenant reports what the server does for the tenant of a schema; ok is false if
// there is none. After a change of the row that the report shows, no request that
// was not in progress by then reaches the previous urlconf.
func (s *Server) Tenant(schema string) (r TenantReport, ok bool) {
	if r, ok = s.now().tenant(schema); !ok {
		return r, false
	}
	r.InProgress = s.shares.count(owner{schema, r.ID})
	for _, g := range s.generations.all() {
		for _, room := range g.rooms {
			r.Waiting += room.Waiting(hold.Tenant{Schema: schema, ID: r.ID})
		}
		r.Websockets += g.host.RelayedWebsockets(schema, r.ID)
	}
	return r, true
}

// tenant reports what the directory and the configuration say about a tenant.
func (s *generation) tenant(schema string) (r TenantReport, ok bool) {
	r.Schema = schema
	if s.directory != nil && s.defaults != nil {
		row, found := s.directory.BySchema(schema)
		if r.ID, ok = row.ID, found; found {
			attributes := tenant.NewAttributes(row.Attributes)
			r.URLConf = s.placement(attributes).URLConf
			if c := s.defaults.Status; c != nil {
				r.Status, _ = attributes.Get(c.Attribute)
			}
		}
	}
	for i := range s.static {
		if t := &s.static[i]; t.Schema == schema {
			r.ID, r.Status, r.URLConf, ok = "", "", t.URLConf, true
		}
	}
	return r, ok
}

func (s *Server) serveTenant(w http.ResponseWriter, r *http.Request) {
	report, ok := s.Tenant(r.PathValue("schema"))
	if !ok {
		errorpage.Write(w, r, http.StatusNotFound)
		return
	}
	writeReport(w, http.StatusOK, report)
}
