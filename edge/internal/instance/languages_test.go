package instance

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"regexp"
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
	open     string // the file that is open
	read     int    // bytes of it
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
		stack[0] = uint64(g.lookup(g.argument(m, stack[params-2], stack[params-1])))
	case abi.ImportLog, abi.ImportLogAttrs:
		g.logged += fmt.Sprintf("%d %q", int32(stack[0]), g.argument(m, stack[1], stack[2]))
		if name == abi.ImportLogAttrs {
			g.logged += fmt.Sprintf(" %q", normal(g.t, g.argument(m, stack[3], stack[4])))
		}
	case abi.ImportClock:
		stack[0] = 1767225600_000000000
	case abi.ImportRandom:
		copy(g.argument(m, stack[0], stack[1]), "\x01\xff\x7f")
		stack[0] = uint64(abi.OK)
	case abi.ImportFileClose:
		stack[0] = 0
	case abi.ImportFileOpen:
		g.read, g.open = 0, string(g.argument(m, stack[0], stack[1]))
		stack[0] = 7
		if g.lookup(make([]byte, 1<<20)) < 0 {
			stack[0] = uint64(g.lookup(nil))
		}
	case abi.ImportFileRead: // three bytes at a time
		if g.read += 3; g.read > 3 && g.open != "long.txt" || g.read > 12 {
			stack[0] = 0
			return
		}
		stack[0] = uint64(copy(g.argument(m, stack[1], stack[2]), "abc"))
	default: // query
		if len(stack) > 1 {
			out := g.argument(m, stack[len(stack)-2], stack[len(stack)-1])
			stack[0] = uint64(g.lookup(out))
		}
	}
}

// answer sets the answer of lookups, for a new instance: the engine resets memory
// after each call, too.
func (g *scripted) answer(lookup func(out []byte) int64) { g.lookup, g.module = lookup, nil }

// argument returns bytes of the guest's memory.
func (g *scripted) argument(m api.Module, addr, length uint64) []byte {
	b, ok := m.Memory().Read(uint32(addr), uint32(length))
	if !ok {
		g.t.Errorf("the guest passes %d bytes at %#x, outside of its memory", length, addr)
	}
	return b
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
					inGo.answer(lookup)
					other.answer(lookup)
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

// Host functions answer every errno, and effects, a panic and a log line are the same, in
// every language.
func TestGuestsCallHostFunctionsAlikeInEveryLanguage(t *testing.T) {
	inGo := newScripted(t, wasmtest.Guest(t, "edge/internal/wasm/wasmtest/testdata/probe"))
	exports := []string{abi.ExportRoute, abi.ExportReverseKey, abi.ExportPathname, abi.ExportAuthorize, abi.ExportOpen, abi.ExportMessage}
	contract := tck.Contract()
	for _, language := range wasmtest.Languages {
		t.Run(language, func(t *testing.T) {
			other := newScripted(t, wasmtest.Example(t, "probe", language))
			compare := func(what string, m tck.Message) {
				inGo.logged, other.logged = "", ""
				want, replies := inGo.exchange(m)
				got, ok := other.exchange(m)
				if ok != replies || other.logged != inGo.logged {
					t.Errorf("%s, %s: replies: %v (logs %q), in Go %v (%q)", m.Name, what, ok, other.logged, replies, inGo.logged)
				} else if ok && !bytes.Equal(normal(t, got), normal(t, want)) {
					t.Errorf("%s, %s: replies %.300q, in Go %.300q", m.Name, what, normal(t, got), normal(t, want))
				}
			}
			for name, lookup := range lookups() {
				inGo.answer(lookup)
				other.answer(lookup)
				for _, command := range []string{"log/a\nb", "random", "now", "query/plan", "file/a.txt", "file/long.txt", "primary/1", "domain/acme.example.com", "headers", "none"} {
					msg := build(t, abi.ReqTarget, "/"+command+strings.Repeat("/", 1-strings.Count(command, "/")))
					compare(command+", the host answers "+name, tck.Message{Export: abi.ExportRoute, Bytes: msg})
				}
			}
			for _, m := range contract {
				if slices.Contains(exports, m.Export) {
					compare("", m)
				}
			}
			if _, ok := other.exchange(tck.Message{Export: abi.ExportRoute, Bytes: build(t, abi.ReqTarget, "/panic/x")}); ok || !strings.Contains(other.logged, "boom") || !regexp.MustCompile(`(probe\.(rs|c)|index\.ts):\d+`).MatchString(other.logged) {
				t.Errorf("a panic: replies: %v, logs %q", ok, other.logged)
			}
		})
	}
}

// build returns a route request with a value for one field.
func build(t *testing.T, field int, value string) []byte {
	t.Helper()
	b := abi.Begin(make([]byte, 256), 0, abi.ReqHeader0+2)
	b.Put(field, value)
	b.Put(abi.ReqHeader0+1, "b")
	return b.Bytes()
}
