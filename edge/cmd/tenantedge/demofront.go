package main

import (
	"context"
	"mime"
	"net/http"
	"path"
	"strings"
)

// demoPath is where the demonstration answers on every host, before the guest
// decides: what belongs to no tenant.
const demoPath = "/-/demo/"

// guestHeader has the digest of the guest that decided.
const guestHeader = "Tenantedge-Demo-Guest"

// demoFront is in front of the edge in the demonstration. It serves scripts and styles,
// the panel of rules and the form for sessions, and tells the page which guest decided.
type demoFront struct {
	panel *rulePanel
	mux   *http.ServeMux
}

func newDemoFront(panel *rulePanel, sessionSecret string) *demoFront {
	f := &demoFront{panel, http.NewServeMux()}
	f.mux.HandleFunc("GET "+demoPath+"{file}", func(w http.ResponseWriter, r *http.Request) {
		if !serveDemoAsset(w, r) {
			http.NotFound(w, r)
		}
	})
	panel.routes(f.mux)
	(&demoSessions{sessionSecret, http.NewCrossOriginProtection()}).routes(f.mux)
	return f
}

type guestBefore struct{}

// around wraps the handler of all requests.
func (f *demoFront) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setDemoHeaders(w.Header())
		if strings.HasPrefix(r.URL.Path, demoPath) {
			f.mux.ServeHTTP(w, r)
			return
		}
		digest := f.panel.digest()
		w.Header().Set(guestHeader, digest)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), guestBefore{}, digest)))
	})
}

// within wraps the handler of the requests that the guest has routed. If a swap came
// before that, it is not known which guest decided.
func (f *demoFront) within(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(guestBefore{}) != f.panel.digest() {
			w.Header().Del(guestHeader)
		}
		next.ServeHTTP(w, r)
	})
}

// setDemoHeaders sets the headers of all pages: they load nothing from elsewhere and
// run only the script of the demonstration, and send forms to their own host.
func setDemoHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

// serveDemoAsset serves a script or style below demoPath, and reports whether it did.
func serveDemoAsset(w http.ResponseWriter, r *http.Request) bool {
	name, ok := strings.CutPrefix(r.URL.Path, demoPath)
	kind := mime.TypeByExtension(path.Ext(name))
	if !ok || path.Ext(name) != ".css" && path.Ext(name) != ".js" {
		return false
	}
	content, err := demoFiles.ReadFile("demo/" + path.Base(name))
	if err != nil {
		return false
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(content) // the client may have disconnected
	return true
}
