package instance

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tck"
)

// scripted is a guest in plain wazero whose lookups answer as lookup says.
type scripted struct {
	t        *testing.T
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	module   api.Module
	lookup   func(out []byte) int64
	logged   string
}

func newScripted(t *testing.T, wasm []byte) *scripted {
	t.Helper()
	ctx := context.Background()
	cache, err := plainCache()
	if err != nil {
		t.Fatal(err)
	}
	g := &scripted{t: t, runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(cache))}
	t.Cleanup(func() {
		if err := g.runtime.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	if g.compiled, err = g.runtime.CompileModule(ctx, wasm); err != nil {
		t.Fatal(err)
	}
	wasi_snapshot_preview1.MustInstantiate(ctx, g.runtime)
	b := g.runtime.NewHostModuleBuilder(abi.ImportModule)
	for _, f := range g.compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		if module != abi.ImportModule {
			continue
		}
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, m api.Module, stack []uint64) { g.host(m, name, stack) }),
			f.ParamTypes(), f.ResultTypes()).Export(name)
	}
	if _, err := b.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	return g
}

// host answers a host function: lookups with g.lookup, which gets the guest's buffer.
func (g *scripted) host(m api.Module, name string, stack []uint64) {
	switch name {
	case abi.ImportTenantByDomain, abi.ImportTenantByReference, abi.ImportPrimaryDomain:
		params := 6
		if name != abi.ImportTenantByDomain {
			params = 4
		}
		out, ok := m.Memory().Read(uint32(stack[params-2]), uint32(stack[params-1]))
		if !ok {
			g.t.Errorf("%s: the guest passes a buffer outside of its memory: %d bytes at %#x", name, stack[params-1], stack[params-2])
		}
		stack[0] = uint64(g.lookup(out))
	case abi.ImportLog:
		line, _ := m.Memory().Read(uint32(stack[1]), uint32(stack[2]))
		g.logged = string(line)
	default:
		if len(stack) > 0 {
			stack[0] = uint64(abi.Unavailable)
		}
	}
}

// Call implements tck.Guest. After a failure the next call gets a new instance.
func (g *scripted) Call(export string, msg []byte) (reply []byte, err error) {
	ctx := context.Background()
	if g.module == nil {
		config := wazero.NewModuleConfig().WithName("").WithStartFunctions(abi.ExportInitialize).WithSysNanotime().WithSysWalltime()
		if g.module, err = g.runtime.InstantiateModule(ctx, g.compiled, config); err != nil {
			g.t.Fatal(err)
		}
		if export != abi.ExportConfigure {
			if _, err := g.Call(abi.ExportConfigure, []byte(`{"abi":1,"default":{}}`)); err != nil {
				g.t.Fatal(err)
			}
		}
	}
	defer func() {
		if err != nil {
			g.module = nil
		}
	}()
	at, err := g.module.ExportedFunction(abi.ExportBuffer).Call(ctx, uint64(max(len(msg), abi.BufferSize)))
	if err != nil {
		return nil, err
	}
	if !g.module.Memory().Write(uint32(at[0]), msg) {
		return nil, fmt.Errorf("the buffer is at %#x, outside of memory", at[0])
	}
	packed, err := g.module.ExportedFunction(export).Call(ctx, uint64(len(msg)))
	if err != nil {
		return nil, err
	}
	addr, length := abi.UnpackReply(packed[0])
	b, ok := g.module.Memory().Read(addr, length)
	if !ok {
		return nil, fmt.Errorf("the reply is at %#x, outside of memory", addr)
	}
	return bytes.Clone(b), nil
}

// exchange calls the guest. It is not ok if the guest traps or does not reply.
func (g *scripted) exchange(m tck.Message) (reply []byte, ok bool) {
	reply, err := g.Call(m.Export, m.Bytes)
	return reply, err == nil && len(reply) > 0
}

// answers of lookups, most of which no host gives.
func lookups() map[string]func(out []byte) int64 {
	world := &tck.World{Tenants: []tck.Tenant{{ID: "1", Schema: "acme", Attributes: map[string]string{"schema_pathname": "files", "plan": "gold"}}}}
	large := &tck.World{Tenants: []tck.Tenant{{ID: "1", Schema: "acme", Attributes: map[string]string{"notes": strings.Repeat("x", 200_000)}}}}
	all := map[string]func([]byte) int64{
		"a record":                     func(out []byte) int64 { return world.TenantByReference("1", out) },
		"a record of 200,000 bytes":    func(out []byte) int64 { return large.TenantByReference("1", out) },
		"nothing":                      func([]byte) int64 { return 0 },
		"a record of zeros":            func(out []byte) int64 { clear(out[:100]); return 100 },
		"a record that is cut":         func(out []byte) int64 { return world.TenantByReference("1", out) - 1 },
		"a record with a field beyond": func(out []byte) int64 { n := world.TenantByReference("1", out); out[12] = 0xff; return n },
	}
	for e := abi.NotFound; e <= abi.Internal; e++ {
		all[e.Error()] = func([]byte) int64 { return -int64(e) }
	}
	return all
}

// The guests in Rust, AssemblyScript and C reply to every message of the contract, byte
// for byte, what the guest in Go replies, whatever the host answers.
func TestGuestsReplyAlikeInEveryLanguage(t *testing.T) {
	contract := tck.Contract()
	for _, c := range []struct {
		example string
		exports []string
	}{
		{"minimal", []string{abi.ExportRoute, abi.ExportCacheKey}},
		{"chatroom", []string{abi.ExportOpen, abi.ExportMessage, abi.ExportClose, abi.ExportGroup, abi.ExportTimer}},
	} {
		inGo := newScripted(t, wasmtest.Guest(t, "guest/examples/"+c.example))
		for _, language := range wasmtest.Languages {
			t.Run(c.example+" in "+language, func(t *testing.T) {
				other := newScripted(t, wasmtest.Example(t, c.example, language))
				compare := func(answer string, m tck.Message) {
					want, replies := inGo.exchange(m)
					got, ok := other.exchange(m)
					if ok != replies {
						t.Errorf("%s, the host answers %s: replies: %v (%s), in Go %v (%s)", m.Name, answer, ok, other.logged, replies, inGo.logged)
					} else if ok && !bytes.Equal(normal(t, got), normal(t, want)) {
						t.Errorf("%s, the host answers %s: replies %.300q, in Go %.300q", m.Name, answer, normal(t, got), normal(t, want))
					}
				}
				for name, lookup := range lookups() {
					inGo.lookup, other.lookup = lookup, lookup
					for _, m := range contract {
						if slices.Contains(c.exports, m.Export) && (name == "a record" || m.Name == abi.ExportRoute+": ordinary") {
							compare(name, m)
						}
					}
				}
				for _, n := range []int64{1 << 16, 1<<16 + 1, 1<<31 - 1, 1 << 31, 1 << 32, math.MaxInt64, -1 << 32, math.MinInt64} {
					other.lookup = func(out []byte) int64 { return max(n, min(n, int64(len(out))+1)) }
					if _, ok := other.exchange(contract[slices.IndexFunc(contract, func(m tck.Message) bool { return m.Name == abi.ExportRoute+": ordinary" })]); !ok {
						t.Errorf("the host answers %d: the guest does not reply (%s)", n, other.logged)
					}
				}
			})
		}
	}
}

// normal returns a reply with its fields in order, since their place is a matter of the
// guest.
func normal(t *testing.T, reply []byte) []byte {
	t.Helper()
	m, err := abi.Parse(reply)
	if err != nil {
		t.Fatal(err)
	}
	return content(m)
}

// The guests fulfil the contract in the engine too, where they are metered and reset.
func TestGuestsFulfilTheContractInEveryLanguage(t *testing.T) {
	for _, language := range wasmtest.Languages {
		for example, exports := range map[string][]string{
			"minimal":  {abi.ExportRoute, abi.ExportCacheKey},
			"chatroom": {abi.ExportRoute, abi.ExportOpen, abi.ExportMessage, abi.ExportClose, abi.ExportGroup, abi.ExportTimer},
		} {
			t.Run(example+" in "+language, func(t *testing.T) {
				wasm := wasmtest.Example(t, example, language)
				tck.RunContract(t, exports, func(t *testing.T, w *tck.World) tck.Guest { return &conforming{t: t, wasm: wasm, world: w} })
			})
		}
	}
}
