//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

const rolloutConfig = `
listeners: ["127.0.0.1:0"]
admin: 127.0.0.1:0
admin_token_env: TENANTEDGE_TOKEN
tenants: {www: {DOMAINS: [www.test], URLCONF: app}}
urlconfs: {app: {reply: {body: hello}}}
`

// A guest is sent to an edge as a shadow, as a canary and at once, as the commands'
// help says.
func TestAGuestIsRolledOutToARunningEdge(t *testing.T) {
	t.Setenv("TENANTEDGE_TOKEN", "a token that only tests have")
	e := startServe(t, writeFile(t, "edge.yaml", rolloutConfig))
	defer e.stop()
	folder := t.TempDir()
	another := filepath.Join(folder, "another.wasm")
	loops := filepath.Join(folder, "faulty.wasm")
	for path, wasm := range map[string][]byte{
		another: append(append([]byte(nil), assets.Router...), 0, 3, 1, 'n', 'x'), // with an additional custom section
		loops:   wasmtest.Sound().Wasm(),                                          // finds no tenant
	} {
		if err := os.WriteFile(path, wasm, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	guest := func(code int, want string, args ...string) {
		t.Helper()
		args = append(append([]string{"guest"}, args...), "--admin", "http://"+e.admin)
		got, out, errs := command("", args...)
		if got != code || !strings.Contains(out+errs, want) {
			t.Errorf("tenantedge %s: exit %d, %s%s; expected %d and %q", strings.Join(args, " "), got, out, errs, code, want)
		}
	}
	guest(0, "previous   none", "status")
	guest(1, "there is no candidate", "promote")
	guest(1, "there is no candidate", "abort")
	guest(1, "there is no previous guest", "rollback")
	guest(1, `shadow: expected a number such as 0.05 or 5%, found "much"`, "rollout", another, "--shadow", "much")
	guest(1, "expected a Wasm module", "rollout", writeFile(t, "text.wasm", "(module)"), "--shadow", "1")
	guest(0, "a shadow of 100 % of the requests", "rollout", loops, "--shadow", "100%")
	for range 3 {
		if status := e.status("www.test"); status != 200 {
			t.Fatalf("the edge answered %d", status)
		}
	}
	until(t, "the shadow differs", func() bool {
		_, out, _ := command("", "guest", "status", "--admin", "http://"+e.admin)
		return strings.Contains(out, "3 requests: 0 failed, 3 differ") && strings.Contains(out, "3 in outcome") && strings.Contains(out, "GET www.test/\n    runs       tenant www")
	})
	guest(0, "it ended: aborted: not yet", "abort", "--reason", "not yet")
	guest(0, "a canary for 50 % of the tenants and www and the header X-Canary", "rollout", another, "--canary", "0.5", "--tenant", "www", "--header", "X-Canary: 1", "--differences", "0")
	if status := e.status("www.test"); status != 200 {
		t.Errorf("the canary answered %d", status)
	}
	guest(0, "1 requests: 0 failed, 0 differ", "status")
	guest(0, "runs now; guest rollback returns to", "promote", "--reason", "Grüße")
	guest(0, "it ended: promoted", "status")
	guest(0, "runs now", "rollback")
	guest(0, "runs now", "rollout", another)
	guest(0, "ran already", "rollout", another)
	digest := instance.Digest(assets.Router)
	guest(0, "no guest was pushed", "list")
	guest(1, "expected the digest of one guest that was pushed to this edge since it was started, found 0", "rollout", digest)
	guest(0, "pushed "+digest, "push", writeFile(t, "router.wasm", string(assets.Router)))
	guest(0, digest[:12], "list")
	guest(0, "a shadow of 100 % of the requests", "rollout", digest[:8], "--shadow", "1")
	guest(0, "runs now", "rollout", digest[:12])
	guest(2, "--wait: expected a fleet", "rollout", digest, "--wait", "all")
	guest(2, "expected flags for one edge (--admin) or for a fleet", "status", "--fleet", "test")
	guest(2, "--reason: expected one line", "rollback", "--reason", "a\nb")
	guest(2, "expected the admin token in the variable NONE", "status", "--token-env", "NONE")
	guest(1, "401: expected an admin token as a bearer token, found one that the configuration does not have; correct the one in ", "status", "--token-file", writeFile(t, "token", "another\n"))
	if code, _, errs := command("", "guest", "status", "--admin", "http://127.0.0.1:1"); code != 1 || !strings.Contains(errs, "name its address with --admin") {
		t.Errorf("without an edge: exit %d, %s", code, errs)
	}
}

// until waits for a condition that another process or goroutine makes true.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); !holds(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("timed out: %s", what)
		}
	}
}

// Neither the registry nor the database of the fleet is asked: nothing listens on their
// addresses.
func TestARolloutFromARegistryThatTheEdgesRefuseIsRefusedAtOnce(t *testing.T) {
	t.Setenv("FLEET_DSN", "postgres://u@127.0.0.1:1/db")
	path := writeFile(t, "edge.yaml", `tenants: {default: {URLCONF: app}}
directory: {source: postgres, dsn_env: FLEET_DSN}
fleet:
  name: production
  registries: [registry.example.com/guests]
`)
	for reference, want := range map[string]string{
		"oci://127.0.0.1:1/router:v1":                  path + `:5:3: fleet.registries: expected a rollout of a guest in ["registry.example.com/guests"]`,
		"oci://registry.example.com/guestsx/router:v1": "found oci://registry.example.com/guestsx/router:v1; add",
	} {
		for _, more := range [][]string{nil, {"--canary", "5%"}} {
			args := append([]string{"guest", "rollout", reference, "-c", path}, more...)
			if code, _, errs := command("", args...); code != 1 || !strings.Contains(errs, want) {
				t.Errorf("%q: exit %d, %s; want 1 and %s", args, code, errs, want)
			}
		}
	}
}
