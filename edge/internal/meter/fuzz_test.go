package meter_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// FuzzInstrument: the metered form of a module is valid if and only if the module is.
// It ends within its budget, and has the same results unless it is stopped.
func FuzzInstrument(f *testing.F) {
	f.Add(fuelModule)
	f.Add(hostileModule)
	f.Add(startModule)
	f.Add(wasmtest.Kernels)
	f.Add(module(0x01).Encode())
	f.Add(dispatcher(1, 2, 3))
	f.Add(dispatcher(3, 0, 1))
	const (
		pages = 16
		v128  = api.ValueType(wasm.V128)
	)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := meter.Instrument(b, meter.Options{MaxMemory: pages, MaxDepth: 200, Track: true})
		if err != nil {
			return
		}
		ctx := context.Background()
		rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithMemoryLimitPages(pages))
		defer rt.Close(ctx)
		_, errPlain := rt.CompileModule(ctx, b)
		_, errCounted := rt.CompileModule(ctx, r.Wasm)
		if errPlain != nil && (strings.Contains(errPlain.Error(), "section name") || strings.Contains(errPlain.Error(), "undeclared function")) {
			return // the meter drops undecodable names, and its export of the start function declares it
		}
		if (errPlain == nil) != (errCounted == nil) {
			t.Fatalf("plain: %v, metered: %v", errPlain, errCounted)
		}
		if errPlain != nil || r.Start {
			return
		}
		small := setup{budget: 100_000, pages: pages}
		counted, err := instantiate(t, r.Wasm, small)
		if err != nil {
			return // missing imports, segments out of bounds
		}
		plain, err := instantiate(t, b, small)
		if err != nil {
			t.Fatalf("only the metered module is instantiated: %v", err)
		}
		for name, def := range counted.mod.ExportedFunctionDefinitions() {
			args := make([]uint64, 2*len(def.ParamTypes()))
			if !slices.Contains(def.ParamTypes(), v128) {
				args = args[:len(def.ParamTypes())]
			} else if slices.ContainsFunc(def.ParamTypes(), func(t api.ValueType) bool { return t != v128 }) {
				continue
			}
			got, errGot := counted.call(name, args...)
			if counted.refused || counted.depth.Get() > r.MaxDepth {
				return // so the original may never end
			}
			want, errWant := plain.call(name, args...)
			if firstLine(errGot) != firstLine(errWant) || !slices.Equal(canonical(got, def.ResultTypes()), canonical(want, def.ResultTypes())) {
				t.Fatalf("%s: %x, %v, want %x, %v", name, got, errGot, want, errWant)
			}
		}
	})
}
