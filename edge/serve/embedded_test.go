package serve

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

const embedded = `
tenants: {default: {URLCONF: app}}
directory:
  source: file
  tenants: [{id: 1, schema_name: acme}]
  domains: [{tenant_id: 1, domain: acme.test}]
media: {location: media, base_url: /media/}
urlconfs: {app: {media: true, reply: {body: page}}}
guest: {path: guest.wasm}
`

// A server such as Caddy has its own listeners, and serves a part of the requests.
func TestAServerIsEmbedded(t *testing.T) {
	dir := t.TempDir()
	guest := filepath.Join(dir, "guest.wasm")
	put(t, guest, assets.Router)
	media := filepath.Join(dir, "media", "acme")
	if err := os.MkdirAll(media, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(media, "a.txt"), []byte("content"))
	file, err := config.Parse(filepath.Join(dir, "edge.yaml"), []byte(strings.Replace(embedded, "guest: {path", "guest: {compile_cache: '"+compiled+"', path", 1)))
	if err != nil {
		t.Fatal(err)
	}
	within := 0
	s, err := New(t.Context(), file, Options{
		SmokeRun: edge.Try,
		Within: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, ok := tenant.From(r.Context()); ok {
					within++
				}
				next.ServeHTTP(w, r)
			})
		},
		Configure: func(c *edge.Config) {
			respond := c.Refused
			c.Refused = func(w http.ResponseWriter, r *http.Request, e *edge.RouteError) {
				w.Header().Set("X-Refused", "1")
				respond(w, r, e)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	request := func(host, path string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = host
		return r
	}
	serve := func(h http.Handler, host, path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(host, path))
		body, _ := io.ReadAll(w.Body)
		return w.Code, w.Header().Get("X-Refused") + string(body)
	}
	if status, body := serve(s, "acme.test", "/"); status != 200 || body != "page" || within != 1 {
		t.Errorf("a page: %d %q, Within saw %d requests", status, body, within)
	}
	if status, body := serve(s, "unknown.test", "/"); status != 404 || !strings.HasPrefix(body, "1") || within != 1 {
		t.Errorf("without a tenant: %d %q, Within saw %d requests", status, body, within)
	}
	files := s.Host().Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.ServeFile(w, r) {
			_, _ = io.WriteString(w, "next")
		}
	}))
	for path, want := range map[string]string{"/media/acme/a.txt": "content", "/": "next"} {
		if status, body := serve(files, "acme.test", path); status != 200 || body != want {
			t.Errorf("%s: %d %q, expected %q", path, status, body, want)
		}
	}
	if s.ServeFile(httptest.NewRecorder(), request("acme.test", "/media/acme/a.txt")) {
		t.Error("a request that was not routed got a file")
	}
	if err := s.SyncGuest(t.Context()); err != nil {
		t.Errorf("a guest that runs: %v", err)
	}
	put(t, guest, []byte("not Wasm"))
	if err := s.SyncGuest(t.Context()); err == nil {
		t.Error("a guest that is refused is no error")
	}
	if err := s.SyncGuest(t.Context()); err == nil {
		t.Error("a guest that was refused before is no error")
	}
	put(t, guest, append(slices.Clone(assets.Router), 0, 3, 1, 'n', 1))
	if err := s.SyncGuest(t.Context()); err != nil {
		t.Errorf("a new guest: %v", err)
	}
	if n := s.Host().Stats().Swaps; n != 1 {
		t.Errorf("%d swaps, expected 1", n)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
