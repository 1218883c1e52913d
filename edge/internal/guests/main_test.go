package guests

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// compileCache is shared by all tests, which use few guests.
var compileCache string

func TestMain(m *testing.M) {
	var err error
	if compileCache, err = wasmtest.CompileCache("guests"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// newSet returns a set that runs a guest, with the static tenant www.
func newSet(t testing.TB, wasm []byte, change func(*Config)) *Set {
	t.Helper()
	table := []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}}}
	c := Config{
		ABI: settings(t, abi.Config{ABI: abi.Version, Routers: []abi.Router{"domain"}, Tenants: table}), Tenants: NewTenants(table, tenantdb.NewDirectory(tenantdb.Options{}), false),
		MaySet: trust.New(trust.Config{}).GuestMaySet,
		// For a busy machine.
		Limits:       instance.Limits{Deadline: time.Minute, QueueTimeout: time.Minute},
		CompileCache: compileCache, Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&c)
	}
	set, err := New(context.Background(), c, wasm, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := set.Close(); err != nil {
			t.Error(err)
		}
	})
	return set
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// newRouterSet returns a set that runs the default guest with the static tenant
// www, the dynamic tenant t1, and t2 in a folder.
func newRouterSet(t testing.TB, change func(*Config), routers ...abi.Router) *Set {
	t.Helper()
	if routers == nil {
		routers = []abi.Router{abi.ByDomain}
	}
	return newSet(t, assets.Router, func(c *Config) {
		table := []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}}}
		dir := tenantdb.NewDirectory(tenantdb.Options{})
		report := dir.Replace(tenantdb.State{
			Tenants: []tenantdb.Tenant{{ID: "1", Schema: "t1"}, {ID: "2", Schema: "t2"}},
			Domains: []tenantdb.Domain{
				{TenantID: "1", Domain: "t1.example.com", IsPrimary: true},
				{TenantID: "2", Domain: "shared.example.com", Folder: "two", IsPrimary: true},
			},
		})
		if len(report.Problems) > 0 {
			t.Fatal(report.Problems)
		}
		served := &abi.DefaultTenant{URLConf: "app.urls"}
		c.ABI = settings(t, abi.Config{ABI: abi.Version, Routers: routers, Tenants: table, Default: served})
		c.Tenants = NewTenants(table, dir, false)
		c.Tenants.Default = served
		if change != nil {
			change(c)
		}
	})
}

func settings(t testing.TB, c abi.Config) []byte {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
