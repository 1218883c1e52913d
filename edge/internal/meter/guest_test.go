package meter_test

import (
	"context"
	_ "embed"
	"errors"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/pristine"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// Built from the .wat files in the same folder.
var (
	//go:embed testdata/fuel.wasm
	fuelModule []byte
	//go:embed testdata/hostile.wasm
	hostileModule []byte
	//go:embed testdata/start.wasm
	startModule []byte
)

// plenty is a budget that no test exhausts.
const plenty = 1 << 40

// compiled caches compiled modules: several tests run the Go guest. The thousands of
// small modules are not written to disk.
var compiled = sync.OnceValues(func() (cache [2]wazero.CompilationCache, err error) {
	cache[0] = wazero.NewCompilationCache()
	cache[1], err = wasmtest.CompilationCache("edge/internal/meter")
	return cache, err
})

// small is the size up to which modules are not cached, in bytes.
const small = 256 << 10

// guest is one instance, metered or not, in its own runtime.
type guest struct {
	tb     testing.TB
	mod    api.Module
	rt     wazero.Runtime
	fuel   api.MutableGlobal // nil if it is not metered
	limit  api.MutableGlobal
	depth  api.MutableGlobal
	budget uint64
	slice  uint64

	refills int
	refused bool // the budget was exhausted

	onRefill func(used uint64) bool // whether to grant more; nil: yes
	marked   []byteRange            // by calls of mark

	windows []api.MutableGlobal // of a guest that tracks; empty: round does not reset them
	initial []uint64            // their values
}

// newGuest compiles and instantiates b.
func newGuest(tb testing.TB, b []byte) (*guest, error) {
	tb.Helper()
	return instantiate(tb, b, setup{budget: plenty, first: "_initialize"})
}

// setup configures a guest.
type setup struct {
	budget uint64
	first  string                       // export to call first
	pages  uint32                       // maximum memory; 0: wazero's
	marks  experimental.MemoryAllocator // of a marker that the guest uses; nil: marks go to guest.marked
}

func instantiate(tb testing.TB, b []byte, s setup) (*guest, error) {
	tb.Helper()
	ctx := context.Background()
	g := &guest{tb: tb, budget: s.budget, slice: meter.DefaultSlice}
	caches, err := compiled()
	if err != nil {
		tb.Fatal(err)
	}
	cache := caches[0]
	if len(b) > small {
		cache = caches[1]
	}
	config := wazero.NewRuntimeConfig().WithCompilationCache(cache)
	if s.pages > 0 {
		config = config.WithMemoryLimitPages(s.pages)
	}
	g.rt = wazero.NewRuntimeWithConfig(ctx, config)
	tb.Cleanup(func() { _ = g.rt.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, g.rt)
	i64 := []api.ValueType{api.ValueTypeI64}
	refill := api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) { stack[0] = g.refill(stack[0]) })
	mark := api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
		start := uint64(uint32(stack[0]))
		g.marked = append(g.marked, byteRange{start, start + uint64(uint32(stack[1]))})
	})
	i32 := api.ValueTypeI32
	if s.marks != nil {
		config := wazero.NewModuleConfig().WithName(meter.MarkModule)
		if _, err := g.rt.InstantiateWithConfig(experimental.WithMemoryAllocator(ctx, s.marks), pristine.Marker, config); err != nil {
			return nil, err
		}
	} else if _, err := g.rt.NewHostModuleBuilder(meter.MarkModule).NewFunctionBuilder().
		WithGoModuleFunction(mark, []api.ValueType{i32, i32}, nil).Export(meter.ImportMark).Instantiate(ctx); err != nil {
		return nil, err
	}
	host := api.GoModuleFunc(func(context.Context, api.Module, []uint64) {})
	_, err = g.rt.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder().
		WithGoModuleFunction(refill, i64, i64).Export(meter.ImportRefill).Instantiate(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := g.rt.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithGoModuleFunction(host, nil, nil).Export("host").Instantiate(ctx); err != nil {
		return nil, err
	}
	if err := spectest(ctx, g.rt); err != nil {
		return nil, err
	}
	code, err := g.rt.CompileModule(ctx, b)
	if err != nil {
		return nil, err
	}
	g.mod, err = g.rt.InstantiateModule(ctx, code, wazero.NewModuleConfig().WithName("").WithStartFunctions(s.first))
	if err != nil {
		return nil, err
	}
	if f := g.mod.ExportedGlobal(meter.ExportFuel); f != nil {
		g.fuel = f.(api.MutableGlobal)
		g.limit = g.mod.ExportedGlobal(meter.ExportLimit).(api.MutableGlobal)
		g.depth = g.mod.ExportedGlobal(meter.ExportDepth).(api.MutableGlobal)
	}
	return g, nil
}

// spectest provides the print functions for modules of the test suite.
func spectest(ctx context.Context, rt wazero.Runtime) error {
	b := rt.NewHostModuleBuilder("spectest")
	nothing := api.GoModuleFunc(func(context.Context, api.Module, []uint64) {})
	i32, f32, f64 := api.ValueTypeI32, api.ValueTypeF32, api.ValueTypeF64
	for name, params := range map[string][]api.ValueType{
		"print": nil, "print_i32": {i32}, "print_i64": {api.ValueTypeI64}, "print_f32": {f32}, "print_f64": {f64},
		"print_i32_f32": {i32, f32}, "print_f64_f64": {f64, f64},
	} {
		b = b.NewFunctionBuilder().WithGoModuleFunction(nothing, params, nil).Export(name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

func mustGuest(tb testing.TB, b []byte) *guest {
	tb.Helper()
	g, err := newGuest(tb, b)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

func metered(tb testing.TB, b []byte, o meter.Options) (*guest, meter.Result) {
	tb.Helper()
	r, err := meter.Instrument(b, o)
	if err != nil {
		tb.Fatal(err)
	}
	return mustGuest(tb, r.Wasm), r
}

// refill grants the next slice, up to the budget.
func (g *guest) refill(used uint64) uint64 {
	g.refills++
	if g.onRefill != nil && !g.onRefill(used) {
		return 0
	}
	if used >= g.budget {
		g.refused = true
	}
	return min(used+g.slice, g.budget)
}

// call resets the meter and calls an export.
func (g *guest) call(name string, args ...uint64) ([]uint64, error) {
	g.tb.Helper()
	f := g.mod.ExportedFunction(name)
	if f == nil {
		g.tb.Fatalf("no export %q", name)
	}
	g.refills, g.refused = 0, false
	if g.fuel != nil {
		g.fuel.Set(0)
		g.limit.Set(min(g.slice, g.budget))
		g.depth.Set(0)
	}
	return f.Call(context.Background(), args...)
}

// result is call for exports of one result that do not trap.
func (g *guest) result(name string, args ...uint64) uint64 {
	g.tb.Helper()
	got, err := g.call(name, args...)
	if err != nil || len(got) != 1 {
		g.tb.Fatalf("%s%v: %v, %v", name, args, got, err)
	}
	return got[0]
}

var errNoTrap = errors.New("no trap")

// trap is call for exports that must trap.
func (g *guest) trap(name string, args ...uint64) error {
	g.tb.Helper()
	if _, err := g.call(name, args...); err != nil {
		return nil
	}
	return errNoTrap
}
