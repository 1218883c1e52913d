package meter_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

func TestMeteredGuestsReturnTheSame(t *testing.T) {
	for _, test := range []struct {
		name  string
		guest []byte
		calls map[string][]uint64
	}{
		{"C", wasmtest.Kernels, map[string][]uint64{
			"strings": {0, 1, 5}, "sorting": {0, 1, 3}, "matrix": {0, 1, 4}, "fibonacci": {0, 1, 20}, "interpreter": {0, 1, 100, 1000},
		}},
		{"Go", wasmtest.GoGuest(t), map[string][]uint64{
			"route": {0, 1, 2, 3}, "digest": {0, 1, 100}, "encode": {0, 1, 50}, "recurse": {0, 1, 100, 5000},
			"recovered": {0, 1, 20}, "concurrent": {0, 1, 300},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			plain := mustGuest(t, test.guest)
			counted, _ := metered(t, test.guest, meter.Options{Track: true})
			for name, args := range test.calls {
				for _, arg := range args {
					if want, got := plain.result(name, arg), counted.result(name, arg); got != want {
						t.Errorf("%s(%d) = %d, want %d", name, arg, got, want)
					}
					if depth := counted.depth.Get(); depth != 0 {
						t.Errorf("%s(%d) leaves depth %d", name, arg, depth)
					}
				}
			}
		})
	}
}

// The official test suite: each sequence of calls has the same results, including
// traps, with and without the meter.
func TestMeteredModulesOfTheSuiteReturnTheSame(t *testing.T) {
	ran, refused := 0, 0
	for _, s := range wasmtest.Scripts(t, "v2") {
		var plain, counted *guest
		for i := range s.Commands {
			c := &s.Commands[i]
			switch c.Type {
			case "module":
				plain, counted = nil, nil
				b := s.Module(t, c)
				r, err := meter.Instrument(b, meter.Options{MaxMemory: 65535, Track: true})
				if errors.Is(err, meter.ErrRefused) {
					refused++
					continue
				} else if err != nil {
					t.Errorf("%s: %v", c.Filename, err)
					continue
				}
				var errPlain, errCounted error
				plain, errPlain = newGuest(t, b)
				counted, errCounted = newGuest(t, r.Wasm)
				if errCounted == nil && r.Start {
					_, errCounted = counted.call(meter.ExportStart)
				}
				if (errPlain == nil) != (errCounted == nil) {
					t.Errorf("%s: %v, metered %v", c.Filename, errPlain, errCounted)
				}
				if errPlain != nil || errCounted != nil { // it imports from other modules of the script
					plain = nil
				}
			case "assert_return", "assert_trap", "action":
				if plain == nil || c.Action.Type != "invoke" || plain.mod.ExportedFunction(c.Action.Field) == nil {
					continue
				}
				ran++
				compare(t, s.Name, c, plain, counted)
			}
		}
	}
	if ran < 40_000 || refused > 200 {
		t.Errorf("%d calls were compared, %d modules refused", ran, refused)
	}
}

func compare(t *testing.T, script string, c *wasmtest.Command, plain, counted *guest) {
	t.Helper()
	var args []uint64
	for _, a := range c.Action.Args {
		args = append(args, a.Bits()...)
	}
	want, errWant := plain.call(c.Action.Field, args...)
	got, errGot := counted.call(c.Action.Field, args...)
	if text := firstLine(errGot); text != firstLine(errWant) {
		t.Errorf("%s:%d: %s ends with %q, want %q", script, c.Line, c.Action.Field, text, firstLine(errWant))
		return
	}
	types := plain.mod.ExportedFunction(c.Action.Field).Definition().ResultTypes()
	if !slices.Equal(canonical(got, types), canonical(want, types)) {
		t.Errorf("%s:%d: %s%v = %x, want %x", script, c.Line, c.Action.Field, args, got, want)
	}
	if depth := counted.depth.Get(); errGot == nil && depth != 0 {
		t.Errorf("%s:%d: %s leaves depth %d", script, c.Line, c.Action.Field, depth)
	}
}

func firstLine(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// canonical makes values comparable: the bits of a NaN, and references, which are
// addresses.
func canonical(values []uint64, types []api.ValueType) []uint64 {
	values = slices.Clone(values)
	if len(values) != len(types) {
		return values // with vectors, of two numbers each
	}
	for i, t := range types {
		switch v := values[i]; {
		case t == api.ValueTypeF32 && math.Float32frombits(uint32(v)) != math.Float32frombits(uint32(v)),
			t == api.ValueTypeF64 && math.Float64frombits(v) != math.Float64frombits(v):
			values[i] = 1
		case t == api.ValueTypeExternref || t == 0x70:
			values[i] = min(v, 1)
		}
	}
	return values
}
