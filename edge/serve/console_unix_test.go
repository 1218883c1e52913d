//go:build unix

package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/browsertest"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// consoleConfig is a configuration with all that the console shows. The list of tenants
// has several pages.
const consoleConfig = `
listeners: ["127.0.0.1:0"]
admin: "127.0.0.1:0"
admin_tokens:
  - {name: "ada", role: operate, secret_env: CONSOLE_OPERATE}
  - {name: "grafana", role: read, secret_env: CONSOLE_READ}
tenants:
  www: {DOMAINS: [www.example.com], URLCONF: app}
  api: {DOMAINS: [api.example.com, www.example.com], URLCONF: app}
  default: {URLCONF: app, WS_URLCONF: ws}
urlconfs:
  app: {upstream: UPSTREAM, media: true}
ws_urlconfs:
  ws: [{path: "room/<slug:room>/", name: room, upstream: "ws://127.0.0.1:9"}]
guest: {compile_cache: 'CACHE'}
media: {location: media, base_url: /media/, quota_bytes: 100MB}
limits: {body_timeout: 60s}
logs: {access: true}
directory:
  source: file
  tenants:
    - {id: 1, schema_name: acme, plan: gold}
    - {id: 2, schema_name: beta}
    - {id: '"><img src=x onerror="window.attacked=1">', schema_name: hostile}
`

// startConsole serves consoleConfig without tokens if open is set.
func startConsole(t *testing.T, open bool, change func(*config.File)) *Server {
	t.Helper()
	setConsoleSecrets(t)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(app.Close)
	t.Chdir(t.TempDir()) // the pages show relative paths
	write(t, "media", "acme/report.txt", "twelve bytes")
	text := strings.NewReplacer("UPSTREAM", app.URL, "CACHE", compiled).Replace(consoleConfig)
	var rows, domains strings.Builder
	for n := range 120 {
		fmt.Fprintf(&rows, "    - {id: %d, schema_name: shop_%03d}\n", 100+n, n)
		fmt.Fprintf(&domains, "    - {tenant_id: %d, domain: shop-%d.example.com, is_primary: true}\n", 100+n, n)
	}
	text += rows.String() + "  domains:\n    - {tenant_id: 1, domain: acme.example.com, is_primary: true}\n    - {tenant_id: 1, domain: old.example.com, redirect_to_primary: true}\n" +
		"    - {tenant_id: 2, domain: beta.example.com, is_primary: true}\n" + domains.String()
	file, err := config.Parse("tenantedge.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if open {
		file.AdminTokens = nil
	}
	if change != nil {
		change(file)
	}
	ctx, end := context.WithCancel(t.Context())
	ready, ended := make(chan *Server, 1), make(chan error, 1)
	o := Options{Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)), Ready: func(s *Server) { ready <- s }, SmokeRun: edge.Try}
	go func() { ended <- Run(ctx, file, o) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case s := <-ready:
		return s
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return nil
}

// traffic sends requests of clients until the test ends.
func traffic(t *testing.T, s *Server) {
	address := s.Addrs()[0].String()
	hosts := []string{"acme.example.com", "beta.example.com", "shop-7.example.com", "www.example.com", "old.example.com", "unknown.example.com", `<img src=x onerror=attacked=1>`}
	tick := time.NewTicker(15 * time.Millisecond)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			select {
			case <-t.Context().Done():
				return
			case <-tick.C:
			}
			if n%900 < 500 && n%3 == 0 {
				continue // some minutes are quieter
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/orders/%3Cscript%3Eattacked=1%3C/script%3E", nil)
			if err != nil {
				return
			}
			r.Host = hosts[[]int{0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 0}[n%12]]
			if resp, err := noRedirects.Do(r); err == nil {
				_ = resp.Body.Close()
			}
		}
	}()
	t.Cleanup(func() { tick.Stop(); <-done })
}

// The console is tested in a browser: what works, what one sees, and what axe-core finds.
// With TENANTEDGE_SCREENSHOTS it writes screenshots to that folder.
func TestTheConsoleInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	guests := t.TempDir()
	for name, wasm := range map[string][]byte{"other.wasm": numberedRouter('x'), "hostile.wasm": wasmtest.Guest(t, "edge/serve/testdata/hostileguest"), "broken.wasm": []byte("no guest")} {
		if err := os.WriteFile(filepath.Join(guests, name), wasm, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script, err := filepath.Abs("testdata/console.cjs")
	if err != nil {
		t.Fatal(err)
	}
	s := startConsole(t, false, nil)
	open := startConsole(t, true, nil)
	traffic(t, s)
	browsertest.Run(t, script, map[string]string{
		"base": "http://" + s.AdminAddr().String(), "open": "http://" + open.AdminAddr().String(), "site": "http://" + s.Addrs()[0].String(),
		"operate": operateSecret, "read": readSecret, "guests": guests, "screenshots": os.Getenv("TENANTEDGE_SCREENSHOTS"),
	})
}
