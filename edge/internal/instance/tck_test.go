package instance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tck"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// world implements the host functions over a world of the conformance kit.
type world struct {
	noTenants
	*tck.World
}

func (w world) ByDomain(domain, folder string, out []byte) (int, bool) {
	n := w.TenantByDomain(domain, folder, out)
	return int(n), n >= 0
}

func (w world) ByReference(ref string, out []byte) (int, bool) {
	n := w.TenantByReference(ref, out)
	return int(n), n >= 0
}

func (w world) Primary(id string, out []byte) (int, bool) {
	n := w.PrimaryDomain(id, out)
	return int(n), n >= 0
}

func (w world) Query(context.Context, string, string, []byte) ([]byte, error) {
	return nil, abi.NotFound
}
func (w world) Log(ctx context.Context, l slog.Level, text string, attrs ...slog.Attr) {
	w.noTenants.Log(ctx, l, text, attrs...)
}

var exportNames = map[string]Export{
	abi.ExportRoute: Route, abi.ExportCacheKey: CacheKey, abi.ExportReverseKey: ReverseKey, abi.ExportPathname: Pathname, abi.ExportAuthorize: Authorize,
	abi.ExportOpen: SocketOpen, abi.ExportMessage: SocketMessage, abi.ExportClose: SocketClose, abi.ExportGroup: SocketGroup, abi.ExportTimer: SocketTimer,
}

// exchanged is a request to a guest, its reply and the fuel used.
type exchanged struct {
	export     string
	msg, reply []byte
	fuel       uint64
}

// conforming is a guest under test that runs as in a server: metered, and reset
// after each call.
type conforming struct {
	t       testing.TB
	wasm    []byte
	world   *tck.World
	program *Program
	log     []exchanged
}

// load configures the guest.
func (c *conforming) load(config []byte) (*Program, error) {
	return NewProgram(context.Background(), Options{
		Wasm: c.wasm, Config: config, CompileCache: compileCache,
		Bind: func() hostfuncs.Services { return world{World: c.world} },
	})
}

// Call implements tck.Guest.
func (c *conforming) Call(export string, msg []byte) ([]byte, error) {
	if export == abi.ExportConfigure {
		p, err := c.load(msg)
		var refused *ConfigError
		switch {
		case errors.As(err, &refused):
			return json.Marshal(abi.Configured{Error: refused.Reason})
		case err != nil:
			return nil, err
		}
		c.t.Cleanup(func() {
			if err := p.Close(); err != nil {
				c.t.Error(err)
			}
		})
		c.program = p
		return json.Marshal(p.Configured())
	}
	reply, fuel, err := exchange(c.program, export, msg)
	if err != nil {
		return nil, err
	}
	c.log = append(c.log, exchanged{export, msg, reply, fuel})
	return reply, nil
}

// exchange calls a guest with a message and returns a copy of its reply.
func exchange(p *Program, export string, msg []byte) (reply []byte, fuel uint64, err error) {
	ctx := context.Background()
	i, err := p.Borrow(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer p.Return(i)
	err = i.Call(ctx, exportNames[export], func(buf []byte) int { return copy(buf, msg) }, func(m abi.Message) error {
		reply = content(m)
		return nil
	})
	return reply, i.Fuel(), err
}

// content encodes a message again, with its fields in order.
func content(m abi.Message) []byte {
	build := func(buf []byte) abi.Builder {
		b := abi.Begin(buf, m.Word(), m.Len())
		for n := range m.Len() {
			if f, ok := m.Field(n); ok {
				b.PutBytes(n, f)
			}
		}
		return b
	}
	b := build(nil)
	b = build(make([]byte, b.Size()))
	return b.Bytes()
}

// plain is a guest without meter and reset.
type plain struct {
	module api.Module
	call   hostfuncs.Call
}

func newPlain(t *testing.T, wasm []byte, w *tck.World, config []byte) *plain {
	t.Helper()
	ctx := context.Background()
	cache, err := plainCache()
	if err != nil {
		t.Fatal(err)
	}
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(cache))
	t.Cleanup(func() {
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	compiled, err := r.CompileModule(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	if err := hostfuncs.Instantiate(ctx, r, compiled); err != nil {
		t.Fatal(err)
	}
	g := &plain{call: hostfuncs.Call{Services: world{World: w}}}
	g.call.Begin(ctx)
	g.module, err = r.InstantiateModule(&g.call, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions(abi.ExportInitialize))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.exchange(abi.ExportConfigure, config); err != nil {
		t.Fatal(err)
	}
	return g
}

// plainCache caches compiled code, since each suite starts each guest.
var plainCache = sync.OnceValues(func() (wazero.CompilationCache, error) {
	return wasmtest.CompilationCache("edge/internal/instance-plain")
})

func (g *plain) exchange(export string, msg []byte) ([]byte, error) {
	addr, err := g.module.ExportedFunction(abi.ExportBuffer).Call(&g.call, uint64(max(len(msg), abi.BufferSize)))
	if err != nil {
		return nil, err
	}
	if !g.module.Memory().Write(uint32(addr[0]), msg) {
		return nil, fmt.Errorf("the buffer is at %#x, outside of memory", addr[0])
	}
	packed, err := g.module.ExportedFunction(export).Call(&g.call, uint64(len(msg)))
	if err != nil {
		return nil, err
	}
	at, length := abi.UnpackReply(packed[0])
	reply, ok := g.module.Memory().Read(at, length)
	if !ok {
		return nil, fmt.Errorf("the reply is at %#x, outside of memory", at)
	}
	return bytes.Clone(reply), nil
}

// Guests conform to the contract in the engine, and the engine does not change
// their replies: those of a metered guest equal those of the guest in plain wazero.
func TestGuestsConformAndTheMeterChangesNoReply(t *testing.T) {
	golden, err := tck.Golden()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		wasm   func(*testing.T) []byte
		suites []tck.Suite
	}{
		{"router.wasm", func(*testing.T) []byte { return assets.Router }, golden},
		{"the example in Go", func(t *testing.T) []byte { return wasmtest.Minimal(t) }, firstLabel(t, true)},
		{"the example in Rust", func(t *testing.T) []byte { return wasmtest.Example(t, "minimal", "rust") }, firstLabel(t, false)},
		{"the example in AssemblyScript", func(t *testing.T) []byte { return wasmtest.Example(t, "minimal", "assemblyscript") }, firstLabel(t, false)},
		{"the example in C", func(t *testing.T) []byte { return wasmtest.Example(t, "minimal", "c") }, firstLabel(t, false)},
	} {
		t.Run(c.name, func(t *testing.T) {
			wasm := c.wasm(t)
			var guests []*conforming
			tck.Run(t, c.suites, func(t *testing.T, w *tck.World) tck.Guest {
				g := &conforming{t: t, wasm: wasm, world: w}
				guests = append(guests, g)
				return g
			})
			compared := 0
			for n, g := range guests {
				if len(g.log) == 0 {
					continue // the suite expects that the configuration is refused
				}
				c.suites[n].Config.ABI = abi.Version
				config, err := json.Marshal(c.suites[n].Config)
				if err != nil {
					t.Fatal(err)
				}
				unmetered := newPlain(t, wasm, g.world, config)
				for _, a := range g.log {
					reply, err := unmetered.exchange(a.export, a.msg)
					if err != nil {
						t.Fatalf("%s: %s: %v", c.suites[n].Name, a.export, err)
					}
					m, err := abi.Parse(reply)
					if err != nil {
						t.Fatalf("%s: %s: %v", c.suites[n].Name, a.export, err)
					}
					if !bytes.Equal(content(m), a.reply) {
						t.Errorf("%s: %s replies %q, metered %q", c.suites[n].Name, a.export, content(m), a.reply)
					}
					compared++
				}
			}
			if compared < 2 {
				t.Errorf("%d replies were compared, want at least 2", compared)
			}
		})
	}
}

// firstLabel returns a suite for guests that route by the first label of the host.
// reverse says whether they find the key of a cache key themselves.
func firstLabel(t *testing.T, reverse bool) []tck.Suite {
	t.Helper()
	suites, err := tck.Parse([]byte(`[{
		"name": "by the host's first label",
		"tenants": [{"id": "1", "schema": "acme"}, {"id": "2", "schema": "beta", "attributes": {"plan": "gold"}}],
		"config": {"default": {"urlconf": "app.urls"}},
		"routes": [
			{"name": "a tenant", "host": "acme.example.com", "target": "/x?y",
			 "want": {"outcome": "tenant", "schema": "acme", "tenant_id": "1", "domain": "acme.example.com"}},
			{"name": "another tenant", "host": "beta.example.com", "target": "/",
			 "want": {"outcome": "tenant", "schema": "beta", "tenant_id": "2"}},
			{"name": "unknown", "host": "unknown.example.com", "want": {"outcome": "not_found", "status": 404}}
		],
		"cache_keys": [{"schema": "acme", "version": "1", "key": "k", "want": "acme::v2-1:k"}],
		"reversed": [{"cache_key": "acme::v2-1:k", "want": "k"}]
	}]`))
	if err != nil {
		t.Fatal(err)
	}
	if !reverse {
		suites[0].Reversed = nil
	}
	return suites
}
