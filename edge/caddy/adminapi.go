package tenantedge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// adminAPI adds paths to Caddy's admin endpoint:
//
//	GET  /tenantedge/                      the state of all edges
//	GET  /tenantedge/EDGE                  that of one
//	PUT  /tenantedge/EDGE/guest            swaps in the guest in the body
//	POST /tenantedge/EDGE/guest/rollback   returns to the previous guest
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
		return answer(w, r, http.MethodGet, func() (any, error) { return all, nil })
	}
	e, ok := edges[name]
	if !ok {
		return apiError(http.StatusNotFound, fmt.Errorf("there is no edge %q", name))
	}
	switch action {
	case "":
		return answer(w, r, http.MethodGet, func() (any, error) { return stateOf(e), nil })
	case "guest":
		return answer(w, r, http.MethodPut, func() (any, error) { return swap(w, r, e.server) })
	case "guest/rollback":
		return answer(w, r, http.MethodPost, func() (any, error) { return e.server.Rollback(r.Context()) })
	}
	return apiError(http.StatusNotFound, fmt.Errorf("there is no %s of an edge", action))
}

// maxGuest bounds the body of a swap, in bytes. Swap reports a guest that is larger
// than guests may be.
const maxGuest = 256 << 20

func swap(w http.ResponseWriter, r *http.Request, s *serve.Server) (any, error) {
	wasm, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxGuest))
	if err != nil {
		return nil, fmt.Errorf("the guest cannot be read: %w", err)
	}
	return s.Swap(r.Context(), wasm)
}

// answer answers a request of that method with the result of do, as JSON.
func answer(w http.ResponseWriter, r *http.Request, method string, do func() (any, error)) error {
	if r.Method != method {
		w.Header().Set("Allow", method)
		return apiError(http.StatusMethodNotAllowed, fmt.Errorf("expected %s, found %s", method, r.Method))
	}
	result, err := do()
	switch {
	case errors.Is(err, edge.ErrNoPrevious):
		return apiError(http.StatusConflict, err)
	case err != nil:
		return apiError(http.StatusUnprocessableEntity, err)
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(result)
}

func apiError(status int, err error) error { return caddy.APIError{HTTPStatus: status, Err: err} }

var _ caddy.AdminRouter = (*adminAPI)(nil)
