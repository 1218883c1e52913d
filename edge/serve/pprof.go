package serve

import (
	"fmt"
	"net/http"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strconv"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
)

// maxProfile is the longest time that a profile may take.
const maxProfile = 5 * time.Minute

// pprofRoutes adds profiles of the process in the form of net/http/pprof, which `go
// tool pprof` reads. That package itself would add them to http.DefaultServeMux, which
// an embedder may serve to everyone. Profiles show what the process does for tenants,
// so they need the role operate, and do not exist without tokens.
func (s *Server) pprofRoutes(g *generation, mux *http.ServeMux) {
	if len(g.options.AdminTokens) == 0 {
		return
	}
	mux.HandleFunc("GET /debug/pprof/{$}", s.authorized(g, config.RoleOperate, listProfiles))
	mux.HandleFunc("GET /debug/pprof/{name}", s.authorized(g, config.RoleOperate, serveProfile))
}

func listProfiles(w http.ResponseWriter, _ *http.Request) {
	names := []string{"profile", "trace"}
	for _, p := range pprof.Profiles() {
		names = append(names, p.Name())
	}
	slices.Sort(names)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, name := range names {
		fmt.Fprintln(w, name) // the client may have disconnected
	}
}

// serveProfile serves a profile. While it is taken nothing is written, which package
// pace allows.
func serveProfile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	seconds := 30.0
	if name == "trace" {
		seconds = 1
	}
	if text := r.FormValue("seconds"); text != "" {
		var err error
		if seconds, err = strconv.ParseFloat(text, 64); err != nil || !(seconds > 0 && seconds <= maxProfile.Seconds()) {
			writeJSON(w, http.StatusBadRequest, apiError{fmt.Sprintf("expected seconds from 0 to %v, found %.20q", maxProfile.Seconds(), text)})
			return
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	var err error
	switch p := pprof.Lookup(name); {
	case name == "profile":
		if err = pprof.StartCPUProfile(w); err == nil {
			sleep(r.Context(), time.Duration(seconds*float64(time.Second)))
			pprof.StopCPUProfile()
		}
	case name == "trace":
		if err = trace.Start(w); err == nil {
			sleep(r.Context(), time.Duration(seconds*float64(time.Second)))
			trace.Stop()
		}
	case p == nil:
		writeJSON(w, http.StatusNotFound, apiError{fmt.Sprintf("expected one of the profiles that /debug/pprof/ lists, found %.80q", name)})
	default:
		debug, _ := strconv.Atoi(r.FormValue("debug")) // 0: the binary form
		if debug > 0 {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		_ = p.WriteTo(w, debug) // the client may have disconnected
	}
	if err != nil {
		writeJSON(w, http.StatusConflict, apiError{"expected no other profile at the same time: " + err.Error()})
	}
}
