package tenantedge

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// adminAPI adds paths to Caddy's admin endpoint:
//
//	GET  /tenantedge/                      the state of all edges
//	GET  /tenantedge/EDGE                  that of one
//	…    /tenantedge/EDGE/guest…           shows, swaps and tries guests, as /guest… of the admin listener of `tenantedge serve`
//
// A reload keeps a guest that was swapped in. Restarting Caddy, or a change of the
// guest's file, replaces it.
type adminAPI struct{}

const adminBase = "/tenantedge/"

// CaddyModule returns the Caddy module information.
func (*adminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.tenantedge", New: func() caddy.Module { return new(adminAPI) }}
}

// Routes implements caddy.AdminRouter.
func (a *adminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{{Pattern: adminBase, Handler: caddy.AdminHandlerFunc(a.serve)}}
}

// state is what the admin endpoint reports of an edge.
type state struct {
	serve.Readiness
	Stats      stats.Host `json:"stats"`
	Websockets int        `json:"websockets"` // open
}

func stateOf(r *running) state {
	host := r.server.Host()
	open, _ := host.OpenWebsockets()
	return state{r.server.Readiness(), host.Stats(), open}
}

// serve uses the app of the configuration that serves. After a failed reload, Caddy's
// endpoint is that of the configuration that failed.
func (a *adminAPI) serve(w http.ResponseWriter, r *http.Request) error {
	active, err := caddy.ActiveContext().AppIfConfigured("tenantedge")
	if err != nil {
		return apiError(http.StatusNotFound, errors.New("the app tenantedge is not configured"))
	}
	edges := active.(*App).running
	name, action, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, adminBase), "/")
	if name == "" {
		all := make(map[string]state, len(edges))
		for name, e := range edges {
			all[name] = stateOf(e)
		}
		return answer(w, r, http.MethodGet, all)
	}
	e, ok := edges[name]
	if !ok {
		return apiError(http.StatusNotFound, fmt.Errorf("there is no edge %q", name))
	}
	switch {
	case action == "":
		return answer(w, r, http.MethodGet, stateOf(e))
	case action == "guest" || strings.HasPrefix(action, "guest/"):
		http.StripPrefix(adminBase+name, e.server.GuestHandler()).ServeHTTP(w, r)
		return nil
	}
	return apiError(http.StatusNotFound, fmt.Errorf("there is no %s of an edge", action))
}

// answer answers a request of that method with the result of do, as JSON.
func answer(w http.ResponseWriter, r *http.Request, method string, result any) error {
	if r.Method != method {
		w.Header().Set("Allow", method)
		return apiError(http.StatusMethodNotAllowed, fmt.Errorf("expected %s, found %s", method, r.Method))
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(result)
}

func apiError(status int, err error) error { return caddy.APIError{HTTPStatus: status, Err: err} }

var _ caddy.AdminRouter = (*adminAPI)(nil)
