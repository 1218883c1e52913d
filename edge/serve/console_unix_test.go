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
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
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

// startConsole serves consoleConfig with more keys, without tokens if open is set.
func startConsole(t *testing.T, open bool, more string) *Server {
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
		"    - {tenant_id: 2, domain: beta.example.com, is_primary: true}\n" + domains.String() + more
	file, err := config.Parse("tenantedge.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if open {
		file.AdminTokens = nil
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

// hostileText would run as a script if a page took it for HTML.
const hostileText = `<img src=x onerror="window.attacked=1">`

// fleetOfAll has an edge in each state, and rollouts of each kind. It returns the keys of
// a node that joins it.
func fleetOfAll(t *testing.T) string {
	t.Helper()
	t.Setenv("CONSOLE_FLEET", pgtest.Start(t).NewDB(t))
	store, err := fleet.Open(fleet.Config{DSN: os.Getenv("CONSOLE_FLEET"), Fleet: "production"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.Install(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	var refs [2]fleet.Ref
	for i := range refs {
		wasm := numberedRouter(byte(i))
		refs[i].Digest = instance.Digest(wasm)
		if _, err := store.Push(t.Context(), wasm, nil, fleet.Guest{}); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range []fleet.Rollout{
		{Action: fleet.ActionRollout, Current: refs[0], Who: "ada", Why: "ticket 42"},
		{Action: fleet.ActionTrial, Current: refs[0], Candidate: refs[1], Trial: []byte(`{"canary": 0.5}`), Who: "ada", Why: hostileText},
		{Action: fleet.ActionLimit, Current: refs[0], Who: "edge-b", Why: "more than 1 % of the decisions differ"},
		{Action: fleet.ActionRollback, Who: hostileText},
	} {
		r.ID = int64(i + 1)
		if err := store.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	guest := fleet.Report{Guest: stats.Guest{Name: hostileText}}
	for _, n := range []fleet.Node{
		{Name: "behind", Process: "1", Version: "v1.0.0", Digest: refs[0].Digest, Rollout: 3, Heartbeat: time.Hour, Report: guest},
		{Name: "current", Process: "2", Version: "v1.0.0", Rollout: 4, Heartbeat: time.Hour},
		{Name: "failed", Process: "3", Version: hostileText, Rollout: 3, Failed: 4, Error: "the signature of the guest is not that of a key of guest.keys " + hostileText, Heartbeat: time.Hour},
		{Name: "gone", Process: "4", Rollout: 4},
		{Name: "stopped", Process: "5", Rollout: 4, Heartbeat: time.Hour},
	} {
		if _, err := store.Put(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Stop(t.Context(), "stopped", "5"); err != nil {
		t.Fatal(err)
	}
	return "fleet: {name: production, node: edge-a, dsn_env: CONSOLE_FLEET, heartbeat: 100ms}\n"
}

// The pages of a node of a fleet.
func TestTheFleetOfTheConsoleInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts Postgres and a browser")
	}
	script, err := filepath.Abs("testdata/consolefleet.cjs")
	if err != nil {
		t.Fatal(err)
	}
	s := startConsole(t, false, fleetOfAll(t))
	browsertest.Run(t, script, map[string]string{"base": "http://" + s.AdminAddr().String(), "operate": operateSecret, "screenshots": os.Getenv("TENANTEDGE_SCREENSHOTS")})
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
	s := startConsole(t, false, "")
	open := startConsole(t, true, "")
	traffic(t, s)
	browsertest.Run(t, script, map[string]string{
		"base": "http://" + s.AdminAddr().String(), "open": "http://" + open.AdminAddr().String(), "site": "http://" + s.Addrs()[0].String(),
		"operate": operateSecret, "read": readSecret, "guests": guests, "screenshots": os.Getenv("TENANTEDGE_SCREENSHOTS"),
	})
}
