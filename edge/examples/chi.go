package examples

import (
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// Chi returns a chi router that sees the tenant of each request.
func Chi(host *edge.Host) http.Handler {
	router := chi.NewRouter()
	router.Get("/hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		t, _ := tenant.From(r.Context())
		fmt.Fprintf(w, "%s greets %s", t.Schema, chi.URLParam(r, "name"))
	})
	return host.Middleware(router)
}
