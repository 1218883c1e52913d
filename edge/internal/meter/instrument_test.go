package meter_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

func TestSameGuestGivesTheSameBytes(t *testing.T) {
	a, err := meter.Instrument(wasmtest.Kernels, meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := meter.Instrument(bytes.Clone(wasmtest.Kernels), meter.Options{MaxMemory: 1024, MaxDepth: 20_000})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Wasm, b.Wasm) {
		t.Error("the bytes differ")
	}
}

func TestStartFunctionWaitsForFuel(t *testing.T) {
	g, r := metered(t, startModule, meter.Options{})
	if !r.Start {
		t.Error("the start function is not reported")
	}
	if got := g.result("count"); got != 0 {
		t.Errorf("it ran %d times at instantiation", got)
	}
	if _, err := g.call(meter.ExportStart); err != nil {
		t.Fatal(err)
	}
	if got := g.result("count"); got != 1 || g.fuel.Get() == 0 {
		t.Errorf("it ran %d times, then for %d fuel", got, g.fuel.Get())
	}
}

// The first function of the guest has another index in the metered form.
func TestReferencesFollowTheFunctionThatMoves(t *testing.T) {
	g, _ := metered(t, startModule, meter.Options{})
	for i, call := range []string{meter.ExportStart, "again", "indirect"} {
		if _, err := g.call(call); err != nil {
			t.Fatalf("%s: %v", call, err)
		}
		if got := g.result("count"); got != uint64(i+1) {
			t.Errorf("after %s the count is %d", call, got)
		}
	}
	if got := g.result("is_start"); got != 0 {
		t.Error("ref.func gives null")
	}
}

func TestAllMutableGlobalsAreExported(t *testing.T) {
	g, r := metered(t, startModule, meter.Options{})
	want := []meter.Global{
		{Name: meter.ExportFuel, Type: wasm.I64}, {Name: meter.ExportLimit, Type: wasm.I64}, {Name: meter.ExportDepth, Type: wasm.I32},
		{Name: "meter.global.0", Type: wasm.I32}, {Name: "meter.global.1", Type: wasm.I64},
		{Name: "meter.global.3", Type: wasm.F32}, {Name: "meter.global.4", Type: wasm.F64},
	}
	if !slices.Equal(r.Globals, want) {
		t.Errorf("globals are %v", r.Globals)
	}
	if got := g.mod.ExportedGlobal("meter.global.1").Get(); got != 1<<64-1 {
		t.Errorf("global 1 reads %#x", got)
	}
	image := g.save(r)
	if _, err := g.call(meter.ExportStart); err != nil {
		t.Fatal(err)
	}
	g.restore(r, image)
	if got := g.result("count"); got != 0 {
		t.Errorf("the count is %d after it was restored", got)
	}
}

func TestDataIsDroppedExceptWhatCodeCopies(t *testing.T) {
	g, _ := metered(t, startModule, meter.Options{DropData: true, MinMemory: 3})
	if got := g.result("active"); got != 0 {
		t.Errorf("the active segment is still there: %c", rune(got))
	}
	if got := g.result("init", 7); got != 'p' {
		t.Errorf("memory.init copies %c", rune(got))
	}
	if got := g.mod.Memory().Size(); got != 3<<16 {
		t.Errorf("the memory has %d bytes", got)
	}

	full, err := meter.Instrument(wasmtest.GoGuest(t), meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	empty, err := meter.Instrument(wasmtest.GoGuest(t), meter.Options{DropData: true})
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Decode(empty.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	if m.Data.Len() != 0 || m.DataCount.Present || len(empty.Wasm) >= len(full.Wasm) {
		t.Errorf("%d segments remain, %d of %d bytes", m.Data.Len(), len(empty.Wasm), len(full.Wasm))
	}
}

// A Go guest that starts from an image instead of its data has the same results.
func TestGuestWithoutDataRunsFromAnImage(t *testing.T) {
	first, r := metered(t, wasmtest.GoGuest(t), meter.Options{})
	want := first.result("encode", 3)
	image := first.save(r)
	bare, err := meter.Instrument(wasmtest.GoGuest(t), meter.Options{DropData: true, MinMemory: uint32(len(image.memory) >> 16)})
	if err != nil {
		t.Fatal(err)
	}
	g, err := instantiate(t, bare.Wasm, setup{budget: plenty})
	if err != nil {
		t.Fatal(err)
	}
	g.restore(bare, image)
	if got := g.result("encode", 3); got != want {
		t.Errorf("encode answers %d, want %d", got, want)
	}
}

func TestNamesOfFunctionsAreKept(t *testing.T) {
	r, err := meter.Instrument(wasmtest.GoGuest(t), meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Decode(r.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]uint32{}
	for _, c := range m.Customs() {
		if c.Name != wasm.NameSection {
			continue
		}
		parts, err := wasm.DecodeNames(c.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			list, err := p.Names()
			if p.ID != wasm.NamesFunctions || err != nil {
				continue
			}
			if !slices.IsSortedFunc(list, func(a, b wasm.Name) int { return int(a.Index) - int(b.Index) }) {
				t.Error("names are out of order")
			}
			for _, n := range list {
				names[n.Name] = n.Index
			}
		}
	}
	if names["meter.refill"] == 0 || names["main.route"] == 0 || names["meter.check"] != uint32(m.Imported(wasm.KindFunc)+m.Functions.Len()-5) {
		t.Errorf("refill %d, check %d, main.route %d", names["meter.refill"], names["meter.check"], names["main.route"])
	}
}

// The engine writes the names of functions into the error of a trap.
func TestNamesOfFunctionsAreShort_D5(t *testing.T) {
	for given, want := range map[string]string{
		"main.route":                     "main.route",
		"main.Map[...]":                  "main.Map[...]",
		"é\n\x1b[2J":                     "é..[2J",
		strings.Repeat("a", 1<<20):       strings.Repeat("a", 200),
		strings.Repeat("é", 1<<20):       strings.Repeat("é", 100),
		"a" + strings.Repeat("é", 1<<20): "a" + strings.Repeat("é", 99) + ".",
	} {
		bare := module()
		names := wasm.AppendNames(nil, []wasm.NamePart{
			{ID: 0, Data: append(wasm.AppendU32(nil, 6), "module"...)},
			{ID: wasm.NamesFunctions, Data: wasm.AppendNameMap(nil, []wasm.Name{{Index: 0, Name: given}})},
		})
		custom := append(append(wasm.AppendU32(nil, uint32(len(wasm.NameSection))), wasm.NameSection...), names...)
		r, err := meter.Instrument(append(append(append(bare.Encode(), 0), wasm.AppendU32(nil, uint32(len(custom)))...), custom...), meter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		m, err := wasm.Decode(r.Wasm)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := wasm.DecodeNames(m.Customs()[0].Data)
		if err != nil || len(parts) != 1 {
			t.Fatalf("%d parts: %v", len(parts), err)
		}
		list, err := parts[0].Names()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(list, func(n wasm.Name) bool { return n.Name == want }) {
			t.Errorf("%.20q becomes %.300s, want %.20q", given, fmt.Sprint(list), want)
		}
	}
}

// module returns a module with everything that the meter checks: a memory, a table, a
// constant and a mutable global, and function 0 of type () -> () with the body code.
func module(code ...byte) *wasm.Module {
	m := &wasm.Module{}
	m.Types.Add(wasm.Type{})
	m.Functions.Add(0)
	m.Tables.Add(wasm.Table{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 1}})
	m.Memories.Add(wasm.Memory{Limits: wasm.Limits{Min: 1}})
	m.Globals.Add(wasm.Global{GlobalType: wasm.GlobalType{Type: wasm.I32}, Init: wasm.I32Const(1)})
	m.Globals.Add(wasm.Global{GlobalType: wasm.GlobalType{Type: wasm.I32, Mutable: true}, Init: wasm.I32Const(1)})
	m.Exports.Add(wasm.Export{Name: "f"})
	m.Code.Add(wasm.Body{Bytes: append(append([]byte{0}, code...), 0x0b)})
	return m
}

func TestGuestsThatAreNotSafeAreRefused(t *testing.T) {
	const ref = byte(wasm.FuncRef)
	code := func(c ...byte) func() *wasm.Module { return func() *wasm.Module { return module(c...) } }
	with := func(change func(*wasm.Module)) func() *wasm.Module {
		return func() *wasm.Module {
			m := module()
			change(m)
			return m
		}
	}
	for _, test := range []struct {
		name  string
		guest func() *wasm.Module
		want  string
	}{
		{"table.set", code(0x41, 0, 0xd0, ref, 0x26, 0), "changes"},
		{"table.grow", code(0xd0, ref, 0x41, 0, 0xfc, 15, 0, 0x1a), "changes"},
		{"table.fill", code(0x41, 0, 0xd0, ref, 0x41, 0, 0xfc, 17, 0), "changes"},
		{"table.copy", code(0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 14, 0, 0), "changes"},
		{"table.init", code(0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 12, 0, 0), "changes"},
		{"elem.drop", code(0xfc, 13, 0), "drops"},
		{"data.drop", code(0xfc, 9, 0), "drops"},
		{"atomic", code(0xfe, 3, 0), "threads"},
		{"tail call", code(0x12, 0), "tail calls"},
		{"imported memory", with(func(m *wasm.Module) {
			m.Memories.Clear()
			m.Imports.Add(wasm.Import{Module: "m", Name: "n", Kind: wasm.KindMemory})
		}), `--import-memory), found the import "n" of "m"`},
		{"imported table", with(func(m *wasm.Module) {
			m.Imports.Add(wasm.Import{Module: "m", Name: "n", Kind: wasm.KindTable, Table: wasm.Table{Type: ref}})
		}), "a table that the guest defines"},
		{"imported variable", with(func(m *wasm.Module) {
			m.Imports.Add(wasm.Import{Module: "m", Name: "n", Kind: wasm.KindGlobal, Global: wasm.GlobalType{Type: wasm.I32, Mutable: true}})
		}), "constant"},
		{"mutable vector", with(func(m *wasm.Module) {
			m.Globals.Add(wasm.Global{GlobalType: wasm.GlobalType{Type: wasm.V128, Mutable: true}, Init: append([]byte{0xfd, 12, 17: 0}, 0x0b)})
		}), "v128 in global 2"},
		{"mutable reference", with(func(m *wasm.Module) {
			m.Globals.Add(wasm.Global{GlobalType: wasm.GlobalType{Type: ref, Mutable: true}, Init: wasm.Expr{0xd0, ref, 0x0b}})
		}), "funcref in global 2"},
		{"more mutable globals than are put back (D9)", with(func(m *wasm.Module) {
			for range 1000 {
				m.Globals.Add(wasm.Global{GlobalType: wasm.GlobalType{Type: wasm.I32, Mutable: true}, Init: wasm.I32Const(1)})
			}
		}), "at most 1000 mutable globals"},
		{"more locals and branches than can be followed (D3)", with(func(m *wasm.Module) {
			var c []byte
			for n := range 40_000 {
				c = append(wasm.AppendU32(append(c, 0x20), uint32(n)), 0x1a, 0x23, 0, 0x0d, 0) // read it, br_if
			}
			m.Code.Set(0, wasm.Body{Bytes: append(append([]byte{1, 0xc0, 0xb8, 2, 0x7f}, c...), 0x0b)})
		}), "split the function"},
		{"import of refill", with(func(m *wasm.Module) {
			m.Imports.Add(wasm.Import{Module: meter.ImportModule, Name: meter.ImportRefill})
		}), "reserved"},
		{"import of mark", with(func(m *wasm.Module) {
			m.Imports.Add(wasm.Import{Module: meter.MarkModule, Name: meter.ImportMark})
		}), "reserved"},
		{"import of the marker's memory", with(func(m *wasm.Module) {
			m.Memories.Clear()
			m.Imports.Add(wasm.Import{Module: meter.MarkModule, Name: "memory", Kind: wasm.KindMemory})
		}), "reserved"},
		{"export of a reserved name", with(func(m *wasm.Module) { m.Exports.Add(wasm.Export{Name: meter.ExportFuel}) }), "reserved"},
		{"table of 2^32-1", with(func(m *wasm.Module) {
			m.Tables.Set(0, wasm.Table{Type: ref, Limits: wasm.Limits{Min: 1<<32 - 1}})
		}), "tables of at most"},
		{"tables that are too large together (D1)", with(func(m *wasm.Module) {
			for range 3 {
				m.Tables.Add(wasm.Table{Type: ref, Limits: wasm.Limits{Min: 100_000}})
			}
		}), "tables of at most 262144 elements together"},
		{"more tables than a guest needs (D1)", with(func(m *wasm.Module) {
			for range 100 {
				m.Tables.Add(wasm.Table{Type: ref})
			}
		}), "at most 100 tables, found 101"},
		{"element segments that are too large together (D1)", with(func(m *wasm.Module) {
			for range 3 {
				m.Elements.Add(wasm.Element{Mode: wasm.Passive, Type: ref, Funcs: make([]uint32, 100_000)})
			}
		}), "element segments of at most 262144 elements together, found 300000"},
		{"element expressions that are too many together (D1)", with(func(m *wasm.Module) {
			for range 3 {
				m.Elements.Add(wasm.Element{Mode: wasm.Passive, Type: ref, Exprs: slices.Repeat([]wasm.Expr{wasm.RefFunc(0)}, 100_000)})
			}
		}), "element segments of at most 262144 elements together, found 300000"},
		{"a passive data segment that is copied at once (D3)", with(func(m *wasm.Module) {
			m.Data.Add(wasm.Data{Mode: wasm.Passive, Bytes: make([]byte, 128<<10+1)})
		}), "passive data segments of at most 131072 bytes"},
		{"more globals than a guest needs (D9)", with(func(m *wasm.Module) {
			for range 10_000 {
				m.Globals.Add(wasm.Global{GlobalType: wasm.GlobalType{Type: wasm.I32}, Init: wasm.I32Const(1)})
			}
		}), "at most 10000 globals"},
		{"too much memory", with(func(m *wasm.Module) { m.Memories.Set(0, wasm.Memory{Limits: wasm.Limits{Min: 1025}}) }), "at most 1024 pages (declare less, or raise limits.guest.memory of the configuration), found 1025"},
		{"memory past 32 bits", with(func(m *wasm.Module) {
			m.Memories.Set(0, wasm.Memory{Limits: wasm.Limits{Min: 1, Max: 65537, HasMax: true}})
		}), "at most 65,536 pages"},
		{"memory of more than its maximum", with(func(m *wasm.Module) {
			m.Memories.Set(0, wasm.Memory{Limits: wasm.Limits{Min: 2, Max: 1, HasMax: true}})
		}), "at most 1 pages"},

		// What the meter adds has indices after the guest's own. A module that uses them
		// is invalid, and must not become valid.
		{"reading fuel", code(0x23, 2, 0x1a), "a global that the guest has"},
		{"setting fuel", code(0x42, 0, 0x24, 2), "a global that the guest has"},
		{"calling the moved function", code(0x10, 1), "a function that the guest has"},
		{"calling the meter", code(0x10, 2), "a function that the guest has"},
		{"reference to the meter", code(0xd2, 2, 0x1a), "a function that the guest has"},
		{"type of the meter in a call", code(0x41, 0, 0x11, 1, 0), "a type that the guest has"},
		{"type of the meter in a block", code(0x02, 1, 0x0b), "a type that the guest has"},
		{"jump past the function", code(0x0c, 1), "a label that the guest has"},
		{"table of jumps past the function", code(0x41, 0, 0x0e, 1, 0, 1), "a label that the guest has"},
		{"local past the last", code(0x20, 0, 0x1a), "a local that the guest has"},
		{"export of the meter's global", with(func(m *wasm.Module) {
			m.Exports.Add(wasm.Export{Name: "x", Kind: wasm.KindGlobal, Index: 2})
		}), `global of export "x" below 2, found 2`},
		{"export of the meter's function", with(func(m *wasm.Module) { m.Exports.Add(wasm.Export{Name: "x", Index: 1}) }), `function of export "x" below 1`},
		{"start function of the meter", with(func(m *wasm.Module) { m.Start.Set(1) }), "start function below 1"},
		{"start function with a parameter", with(func(m *wasm.Module) {
			m.Types.Set(0, wasm.Type{Params: []wasm.ValType{wasm.I32}})
			m.Start.Set(0)
		}), "without parameters"},
		{"element of the meter", with(func(m *wasm.Module) {
			m.Elements.Add(wasm.Element{Type: ref, Offset: wasm.I32Const(0), Funcs: []uint32{1}})
		}), "function in element segment 0 below 1"},
		{"element expression of the meter", with(func(m *wasm.Module) {
			m.Elements.Add(wasm.Element{Type: ref, Offset: wasm.I32Const(0), Exprs: []wasm.Expr{wasm.RefFunc(3)}})
		}), "function in element segment 0 below 1"},
		{"offset from the meter's global", with(func(m *wasm.Module) { m.Data.Add(wasm.Data{Offset: wasm.Expr{0x23, 2, 0x0b}}) }), "global in data segment 0 below 2"},
		{"function of a type of the meter's", with(func(m *wasm.Module) { m.Functions.Set(0, 1) }), "type of function 0 below 1"},
		{"import of a type of the meter's", with(func(m *wasm.Module) { m.Imports.Add(wasm.Import{Name: "i", Type: 1}) }), `type of import "i" below 1`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, track := range []bool{false, true} {
				_, err := meter.Instrument(test.guest().Encode(), meter.Options{Track: track})
				if !errors.Is(err, meter.ErrRefused) && !errors.Is(err, wasm.ErrUnsupported) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("Track %v: got %v, want … %s", track, err, test.want)
				}
			}
		})
	}
	if _, err := meter.Instrument(module().Encode(), meter.Options{}); err != nil {
		t.Errorf("the module without any of that: %v", err)
	}
}

// No index reaches a global, a function or a local that tracking adds.
func TestIndicesOfWhatTrackingAddsAreRefused(t *testing.T) {
	for index := byte(2); index < 40; index++ { // the module has two globals, one function and no local
		for name, code := range map[string][]byte{
			"global.get": {0x23, index, 0x1a},
			"global.set": {0x41, 0, 0x24, index},
			"call":       {0x41, 0, 0x41, 0, 0x10, index},
			"ref.func":   {0xd2, index, 0x1a},
			"local.get":  {0x41, 0, 0x41, 0, 0x36, 0, 0, 0x20, index, 0x1a}, // after a store, for which locals are added
			"local.tee":  {0x41, 0, 0x41, 0, 0x36, 0, 0, 0x41, 0, 0x22, index, 0x1a},
		} {
			_, err := meter.Instrument(module(code...).Encode(), meter.Options{Track: true, Keep: []string{"f"}})
			if !errors.Is(err, meter.ErrRefused) || !strings.Contains(err.Error(), "that the guest has") {
				t.Errorf("%s %d: got %v", name, index, err)
			}
		}
	}
}

// wasm-bindgen changes a table of JavaScript objects.
func TestARefusedChangeOfATableSaysWhatToDo_D10(t *testing.T) {
	const ref = byte(wasm.FuncRef)
	for name, code := range map[string][]byte{
		"table.set":  {0x41, 0, 0xd0, ref, 0x26, 0},
		"table.grow": {0xd0, ref, 0x41, 0, 0xfc, 15, 0, 0x1a},
	} {
		_, err := meter.Instrument(module(code...).Encode(), meter.Options{})
		if !errors.Is(err, meter.ErrRefused) || !strings.Contains(err.Error(), "build without wasm-bindgen") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRefusalsNameFunctionAndOffset(t *testing.T) {
	b := module(0x01, 0x41, 0, 0xd0, 0x70, 0x26, 0).Encode()
	_, err := meter.Instrument(b, meter.Options{})
	var r *meter.Refusal
	if !errors.As(err, &r) || r.Function != 0 || !bytes.Equal(b[r.Offset:r.Offset+2], []byte{0x26, 0}) {
		t.Errorf("got %#v", err)
	}
}

func ExampleInstrument() {
	r, err := meter.Instrument(wasmtest.Kernels, meter.Options{MaxMemory: 16})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Globals[0].Name, r.MaxMemory, binary.LittleEndian.Uint32(r.Wasm[4:]))
	// Output: meter.fuel 16 1
}

func TestKeptExportsRestoreGlobals(t *testing.T) {
	g, r := metered(t, startModule, meter.Options{Keep: []string{"again", "count", "missing"}})
	before := g.save(r)
	if _, err := g.call(meter.ExportKept + "again"); err != nil {
		t.Fatal(err)
	}
	fuel := g.fuel.Get()
	if got := g.save(r); fuel == 0 || !slices.Equal(got.globals[3:], before.globals[3:]) {
		t.Errorf("after %d fuel globals are %v, before %v", fuel, got.globals[3:], before.globals[3:])
	}
	if got := g.result(meter.ExportKept + "count"); got != 0 {
		t.Errorf("the count is %d, expected 0 as before the call", got)
	}
	if _, err := g.call("again"); err != nil {
		t.Fatal(err)
	}
	if got := g.result(meter.ExportKept + "count"); got != 1 {
		t.Errorf("the count is %d after a call that does not restore globals, expected 1", got)
	}
	if g.mod.ExportedFunction(meter.ExportKept+"missing") != nil || g.mod.ExportedFunction(meter.ExportKept+"indirect") != nil {
		t.Error("there is a variant of an export that Keep does not name, or that does not exist")
	}
}
