package pristine

import (
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
)

// The memory of the guest below, in pages of 64 KiB.
const (
	guestPages    = 4
	guestMaxPages = 16
)

// guestWasm is a hand-assembled guest that writes to given addresses:
//
//	(memory (export "memory") 4 16)
//	(func (export "store") (param i32 i32)     local.get 0 local.get 1 i32.store8)
//	(func (export "fill") (param i32 i32 i32)  local.get 0 local.get 1 local.get 2 memory.fill)
//	(func (export "grow") (param i32) (result i32)  local.get 0 memory.grow)
//	(func (export "size") (result i32)         memory.size)
//	(func (export "trap") (param i32 i32)      local.get 0 local.get 1 i32.store8 unreachable)
//	(func (export "load") (param i32) (result i32)  local.get 0 i32.load8_u)
//
// With start, its start function writes and traps during instantiation.
func guestWasm(start bool) []byte {
	const i32 = 0x7f
	wasm := []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	section := func(id byte, content ...byte) { wasm = append(append(wasm, id, byte(len(content))), content...) }
	section(1, 6,
		0x60, 2, i32, i32, 0, // 0: store, trap
		0x60, 3, i32, i32, i32, 0, // 1: fill
		0x60, 1, i32, 1, i32, // 2: grow, load
		0x60, 0, 1, i32, // 3: size
		0x60, 0, 0, // 4: start
		0x60, 0, 0)
	section(3, 7, 0, 1, 2, 3, 0, 2, 4)
	section(5, 1, 1, guestPages, guestMaxPages)
	var exports []byte
	for i, name := range []string{"store", "fill", "grow", "size", "trap", "load"} {
		exports = append(append(append(exports, byte(len(name))), name...), 0, byte(i))
	}
	exports = append(append(append(exports, 6), "memory"...), 2, 0)
	section(7, append([]byte{7}, exports...)...)
	if start {
		section(8, 6)
	}
	var code []byte
	for _, body := range [][]byte{
		{0x20, 0, 0x20, 1, 0x3a, 0, 0},
		{0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 0x0b, 0},
		{0x20, 0, 0x40, 0},
		{0x3f, 0},
		{0x20, 0, 0x20, 1, 0x3a, 0, 0, 0x00},
		{0x20, 0, 0x2d, 0, 0},
		{0x41, 8, 0x41, 1, 0x3a, 0, 0, 0x00}, // i32.const 8, i32.const 1, i32.store8, unreachable
	} {
		code = append(append(code, byte(len(body)+2), 0), body...)
		code = append(code, 0x0b)
	}
	section(10, append([]byte{7}, code...)...)
	return wasm
}

// guest is an instance of guestWasm in a memory, which marks what it writes.
type guest struct {
	t              testing.TB
	memory         *Memory
	marker, module api.Module
	globals        []meter.Global
}

// engines are wazero's compiler and interpreter.
var engines = map[string]func() wazero.RuntimeConfig{
	"default":     wazero.NewRuntimeConfig,
	"interpreter": wazero.NewRuntimeConfigInterpreter,
}

// guests makes instances in one runtime, which closes with the test.
func guests(t testing.TB, config wazero.RuntimeConfig) func(*Memory) *guest {
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, config)
	t.Cleanup(func() { runtime.Close(ctx) })
	marker, err := runtime.CompileModule(ctx, Marker)
	if err != nil {
		t.Fatal(err)
	}
	metered, err := meter.Instrument(guestWasm(false), meter.Options{Track: true})
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := runtime.CompileModule(ctx, metered.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	refill := api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) { stack[0] += meter.DefaultSlice })
	i64 := []api.ValueType{api.ValueTypeI64}
	if _, err := runtime.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder().
		WithGoModuleFunction(refill, i64, i64).Export(meter.ImportRefill).Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	return func(m *Memory) *guest {
		g := &guest{t: t, memory: m, globals: metered.Globals}
		config := wazero.NewModuleConfig().WithName("")
		var err error
		if g.marker, err = runtime.InstantiateModule(experimental.WithMemoryAllocator(ctx, m.Marks()), marker, config); err != nil {
			t.Fatal(err)
		}
		resolver := func(name string) api.Module {
			if name == meter.MarkModule {
				return g.marker
			}
			return nil
		}
		ctx := experimental.WithImportResolver(experimental.WithMemoryAllocator(ctx, m), resolver)
		if g.module, err = runtime.InstantiateModule(ctx, compiled, config); err != nil {
			t.Fatal(err)
		}
		return g
	}
}

// call returns the export's result, and false if it trapped.
func (g *guest) call(export string, args ...uint64) (uint32, bool) {
	results, err := g.module.ExportedFunction(export).Call(context.Background(), args...)
	low, high := uint32(g.module.ExportedGlobal(meter.ExportLow).Get()), uint32(g.module.ExportedGlobal(meter.ExportHigh).Get())
	if low < high {
		g.memory.Mark(low, high-low)
	}
	for _, v := range g.globals {
		if v.Window {
			g.module.ExportedGlobal(v.Name).(api.MutableGlobal).Set(v.Value)
		}
	}
	if err != nil {
		return 0, false
	}
	if len(results) == 0 {
		return 0, true
	}
	return uint32(results[0]), true
}

func (g *guest) must(export string, args ...uint64) uint32 {
	g.t.Helper()
	result, ok := g.call(export, args...)
	if !ok {
		g.t.Fatalf("%s%v trapped", export, args)
	}
	return result
}

func (g *guest) close() {
	g.t.Helper()
	if err := errors.Join(g.module.Close(context.Background()), g.marker.Close(context.Background())); err != nil {
		g.t.Fatal(err)
	}
	if err := g.memory.Close(); err != nil {
		g.t.Fatal(err)
	}
}
