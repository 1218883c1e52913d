package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/replay"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/serve"
)

// served serves some requests with a configuration that records them, and returns the
// files of the configuration, of two guests and the folder of the log.
func served(t *testing.T) (configuration, router, minimal, folder string) {
	t.Helper()
	dir := t.TempDir()
	folder = filepath.Join(dir, "requests")
	configuration = writeFile(t, "tenantedge.yaml", fmt.Sprintf(`
tenants: {public: {}, default: {URLCONF: app}}
directory:
  source: file
  tenants: [{id: 1, schema_name: acme}]
  domains: [{tenant_id: 1, domain: acme.example.com, is_primary: true}]
urlconfs: {app: {reply: {body: "hello\n"}}}
record: {folder: %q, rate: 100%%}
`, folder))
	file, err := config.Load(configuration)
	if err != nil {
		t.Fatal(err)
	}
	s, err := serve.New(context.Background(), file, serve.Options{Guest: assets.Router, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"http://acme.example.com/", "http://acme.example.com/x?token=hush-hush-hush", "http://none.example.com/"} {
		r := httptest.NewRequest("GET", url, nil)
		r.RequestURI = r.URL.RequestURI()
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	router, minimal = filepath.Join(dir, "router.wasm"), filepath.Join(dir, "minimal.wasm")
	for name, wasm := range map[string][]byte{router: assets.Router, minimal: wasmtest.Minimal(t)} {
		if err := os.WriteFile(name, wasm, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return configuration, router, minimal, folder
}

func TestServedRequestsAreReplayed(t *testing.T) {
	configuration, router, minimal, folder := served(t)
	code, stdout, stderr := command("", "guest", "replay", "--guest", router, folder)
	if code != exitOK || !strings.Contains(stdout, "3 requests, replayed with") || !strings.Contains(stdout, "3 same, 0 differ") {
		t.Errorf("the same guest: exit %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, stderr = command("", "guest", "replay", "--guest", minimal, folder)
	for _, text := range []string{
		"not recorded: the tenant with the reference \"acme\"", "GET http://acme.example.com/x?token=r-", "redacted, which may be the cause: ?token",
		"difference    requests", "recorded", "fuel",
	} {
		if !strings.Contains(stdout, text) {
			t.Errorf("%q is missing in\n%s", text, stdout)
		}
	}
	if code != exitFailed || !strings.Contains(stderr, "guest replay: 3 requests differ; the report says how") {
		t.Errorf("another guest: exit %d\n%s", code, stderr)
	}
	code, stdout, _ = command("", "guest", "replay", "--guest", router, "--against", router, "-c", configuration, "--json", folder)
	var r replay.Report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != exitOK || r.Requests != 3 || r.Same != 3 {
		t.Errorf("a guest and itself: exit %d, %v\n%s", code, err, stdout)
	}
}

func TestDifferencesCanBeIgnored(t *testing.T) {
	_, _, minimal, folder := served(t)
	code, stdout, stderr := command("", "guest", "replay", "--guest", minimal, "--ignore", strings.Join(replay.Kinds, ","), folder)
	if code != exitOK || !strings.Contains(stdout, "3 differ") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}

func TestAReplayThatComparesNothingExitsWith2(t *testing.T) {
	_, router, _, folder := served(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{folder}, "expected --guest FILE, found none"},
		{[]string{"--guest", router}, "expected logs, or a folder of logs"},
		{[]string{"--guest", router, "--ignore", "colour", folder}, `expected some of outcome, tenant,`},
		{[]string{"--guest", router, "--examples", "-1", folder}, "expected --fuel-tolerance, --examples and --workers of at least 0"},
		{[]string{"--guest", filepath.Join(folder, "none.wasm"), folder}, "no such file"},
		{[]string{"--guest", router, t.TempDir()}, "expected logs of requests (requests-….jsonl.zst), found none"},
		{[]string{"--guest", router, router}, "expected a log of requests"},
	} {
		code, stdout, stderr := command("", append([]string{"guest", "replay"}, c.args...)...)
		if code != exitReplay || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%q: exit %d, want 2\n%s%s, want %q", c.args, code, stdout, stderr, c.want)
		}
	}
}

// Only serve records: eval asks the guest too.
func TestEvalRecordsNothing(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "requests")
	configuration := writeFile(t, "tenantedge.yaml", fmt.Sprintf("tenants: {www: {DOMAINS: [www.example.com]}}\nrecord: {folder: %q, rate: 1}\n", folder))
	if code, stdout, stderr := command("", "eval", "-c", configuration, "-r", "GET http://www.example.com/"); code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("eval has made the folder of the log")
	}
}
