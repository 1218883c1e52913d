package edge_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// TestImportsGoDownOnly checks which packages of the module may import which, and
// that only one package imports a dependency that others should not depend on.
func TestImportsGoDownOnly(t *testing.T) {
	const module = "github.com/tenantedge/tenantedge/"
	siblings := []struct {
		room    string
		allowed []string // of the module's own packages, by prefix
		why     string
	}{
		{"guest/abi", nil, "the contract must compile for every guest"},
		{"guest", []string{"guest"}, "a guest is not linked with its host"},
		{"tenantdb", []string{"tenantdb"}, "the directory is useful without an edge"},
		{"assets", nil, "assets are bytes"},
		{"hostfuncs", []string{"hostfuncs", "guest/abi"}, "host functions declare the interfaces that they need"},
		{"edge/tenant", []string{"guest/abi", "tenantdb"}, "handlers import it and need no other package of the edge"},
		{"edge", []string{"edge", "hostfuncs", "tenantdb", "assets", "guest"}, "only bench is above the edge"},
	}
	dependencies := []struct {
		path, only, why string
	}{
		{"github.com/jackc/pgx", "tenantdb/postgres edge/internal/fleet", "one package reads tenants from the database, and one the guest of a fleet, which has nothing to do with tenants"},
		{"github.com/gobwas/ws", "edge/internal/sockets", "only one package uses the websocket library"},
		{"github.com/go-json-experiment/json", "tenantdb/file", "other packages use encoding/json"},
		{"github.com/tinylib/msgp", "edge/channel", "only one package encodes messages"},
		{"github.com/redis/go-redis", "edge/channel/redis edge/cmd/tenantedge", "only one package talks to Redis; main disables the log of its client"},
		{"github.com/coreos/go-systemd", "edge/cmd/tenantedge", "a library must not read the environment of its process"},
		{"aead.dev/minisign", "edge/internal/signature", "only one package reads keys and signatures"},
		{"oras.land/oras-go", "edge/internal/artifact", "only one package talks to OCI registries"},
		{"github.com/opencontainers", "edge/internal/artifact", "only one package knows the layout of OCI artifacts"},
		{"github.com/tus/tusd", "edge/internal/uploads", "only one package uses the tus library"},
		{"golang.org/x/exp", "edge/internal/uploads", "the tus library logs with it"},
		{"go.opentelemetry.io", "edge/internal/tracing", "only one package makes traces, and an embedder of edge without a Tracer does not link it"},
		{"github.com/prometheus/client_golang", "edge/metrics edge/serve", "an embedder without Prometheus does not link it"},
		{"github.com/tetratelabs/wazero", "edge/internal hostfuncs", "embedders must not see the engine"},
	}
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			own, isOwn := strings.CutPrefix(imported, module)
			for _, s := range siblings {
				if !isOwn || !below(name, s.room) || s.room == "guest" && below(name, "guest/abi") {
					continue
				}
				if !anyBelow(own, s.allowed) {
					t.Errorf("%s imports %s: %s may import only %v, since %s", name, own, s.room, s.allowed, s.why)
				}
			}
			for _, d := range dependencies {
				if strings.HasPrefix(imported, d.path) && !anyBelow(name, strings.Fields(d.only)) {
					t.Errorf("%s imports %s: only %s may, since %s", name, imported, d.only, d.why)
				}
			}
		}
	}
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	// With profiles (PGO), packages are listed again for each program that has one.
	out, err := exec.Command("go", "list", "-pgo=off", "-json=ImportPath,Imports", "github.com/tenantedge/tenantedge/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages: expected all packages of the module", len(all))
	}
	return all
}

// below reports whether a package is room, or in a folder below it.
func below(name, room string) bool { return name == room || strings.HasPrefix(name, room+"/") }

func anyBelow(name string, rooms []string) bool {
	for _, room := range rooms {
		if below(name, room) {
			return true
		}
	}
	return false
}
