package wasm_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// walk iterates over the instructions of all functions.
func walk(m *wasm.Module) (instructions int, err error) {
	for _, body := range m.Code.All() {
		if _, err := body.Locals(); err != nil {
			return instructions, err
		}
		it := body.Instructions()
		for in := (wasm.Instruction{}); it.Next(&in); {
			instructions++
		}
		if it.Err() != nil {
			return instructions, it.Err()
		}
	}
	return instructions, nil
}

func TestUnchangedModuleIsWrittenByteForByte(t *testing.T) {
	check := func(t *testing.T, name string, b []byte) {
		m, err := wasm.Decode(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if _, err := walk(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(m.Encode(), b) {
			t.Errorf("%s is written differently", name)
		}
	}
	t.Run("Go guest", func(t *testing.T) { check(t, "goguest", wasmtest.GoGuest(t)) })
	t.Run("C guest", func(t *testing.T) { check(t, "kernels", wasmtest.Kernels) })
	t.Run("test suite", func(t *testing.T) {
		n := 0
		for _, s := range wasmtest.Scripts(t, "v2") {
			for _, c := range s.Commands {
				if c.Type == "module" {
					check(t, c.Filename, s.Module(t, &c))
					n++
				}
			}
		}
		if n < 500 {
			t.Errorf("only %d modules in the suite", n)
		}
	})
}

// Modules that the suite calls malformed although only validation of their code
// shows it, which the engine does.
const needsCode = "data count section required"

func TestMalformedModulesOfTheSuiteAreRefused(t *testing.T) {
	n := 0
	for _, s := range wasmtest.Scripts(t, "v2") {
		for _, c := range s.Commands {
			if c.Type != "assert_malformed" || c.ModuleType != "binary" || c.Text == needsCode {
				continue
			}
			n++
			m, err := wasm.Decode(s.Module(t, &c))
			if err == nil {
				_, err = walk(m)
			}
			if err == nil {
				t.Errorf("%s (%s) is accepted", c.Filename, c.Text)
				continue
			}
			var e *wasm.Error
			if !errors.As(err, &e) || e.Expected == "" || e.Found == "" {
				t.Errorf("%s: incomplete error %v", c.Filename, err)
			}
		}
	}
	if n < 200 {
		t.Errorf("only %d modules in the suite", n)
	}
}

func TestProposalsPastCoreAreRefusedAsUnsupported(t *testing.T) {
	for _, part := range []string{"threads", "tail-call", "exception-handling"} {
		t.Run(part, func(t *testing.T) {
			rejected := 0
			for _, s := range wasmtest.Scripts(t, part) {
				for _, c := range s.Commands {
					if c.Type != "module" {
						continue
					}
					m, err := wasm.Decode(s.Module(t, &c))
					if err == nil {
						_, err = walk(m)
					}
					if err == nil {
						continue // a module without the proposal
					}
					if !errors.Is(err, wasm.ErrUnsupported) {
						t.Errorf("%s: %v", c.Filename, err)
					}
					rejected++
				}
			}
			if rejected == 0 {
				t.Error("no module was rejected")
			}
		})
	}
}

func TestChangedSectionsAreWrittenAndOthersKept(t *testing.T) {
	m, err := wasm.Decode(wasmtest.Kernels)
	if err != nil {
		t.Fatal(err)
	}
	before := m.Types.Len()
	m.Types.Add(wasm.Type{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{wasm.I64, wasm.F32}})
	m.Imports.Add(wasm.Import{Module: "m", Name: "g", Kind: wasm.KindGlobal, Global: wasm.GlobalType{Type: wasm.I64}})
	m.Tables.Clear()
	back, err := wasm.Decode(m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if back.Types.Len() != before+1 || back.Imports.At(0).Name != "g" || back.Tables.Len() != 0 {
		t.Errorf("got %d types, %d imports, %d tables", back.Types.Len(), back.Imports.Len(), back.Tables.Len())
	}
	if got := back.Types.At(before); len(got.Params) != 1 || len(got.Results) != 2 || got.Results[1] != wasm.F32 {
		t.Errorf("the added type reads %v", got)
	}
	for i, body := range back.Code.All() {
		if !bytes.Equal(body.Bytes, m.Code.At(i).Bytes) {
			t.Errorf("body %d changed", i)
		}
	}
}

// Every entry of every module of the suite can be encoded from its fields.
func TestEntriesReadBackAsTheyWereWritten(t *testing.T) {
	for _, s := range wasmtest.Scripts(t, "v2") {
		for _, c := range s.Commands {
			if c.Type != "module" {
				continue
			}
			m, err := wasm.Decode(s.Module(t, &c))
			if err != nil {
				t.Fatal(err)
			}
			touch(&m.Types)
			touch(&m.Imports)
			touch(&m.Functions)
			touch(&m.Tables)
			touch(&m.Memories)
			touch(&m.Globals)
			touch(&m.Exports)
			touch(&m.Elements)
			touch(&m.Code)
			touch(&m.Data)
			once := m.Encode()
			back, err := wasm.Decode(once)
			if err != nil {
				t.Errorf("%s: %v", c.Filename, err)
				continue
			}
			touch(&back.Elements)
			touch(&back.Imports)
			if !bytes.Equal(back.Encode(), once) {
				t.Errorf("%s changes when it is written twice", c.Filename)
			}
		}
	}
}

type vector[T any] interface {
	Len() int
	At(int) T
	Set(int, T)
}

func touch[T any](v vector[T]) {
	for i := range v.Len() {
		v.Set(i, v.At(i))
	}
}

func TestCustomSectionsStayInTheirPlaces(t *testing.T) {
	custom := func(name, data string) []byte {
		return append([]byte{0, byte(1 + len(name) + len(data)), byte(len(name))}, name+data...)
	}
	b := []byte("\x00asm\x01\x00\x00\x00")
	b = append(b, custom("first", "1")...)
	b = append(b, 1, 4, 1, 0x60, 0, 0)
	b = append(b, custom("name", "")...)
	b = append(b, 3, 2, 1, 0)
	b = append(b, custom("between", "2")...)
	b = append(b, 10, 4, 1, 2, 0, 0x0b)
	b = append(b, custom("last", "")...)
	m, err := wasm.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	m.Exports.Add(wasm.Export{Name: "f"})
	m.MapCustoms(func(c wasm.Custom) (wasm.Custom, bool) {
		c.Data = append([]byte("+"), c.Data...)
		return c, c.Name != "name"
	})
	want := []byte("\x00asm\x01\x00\x00\x00")
	want = append(want, custom("first", "+1")...)
	want = append(want, 1, 4, 1, 0x60, 0, 0)
	want = append(want, 3, 2, 1, 0)
	want = append(want, custom("between", "+2")...)
	want = append(want, 7, 5, 1, 1, 'f', 0, 0)
	want = append(want, 10, 4, 1, 2, 0, 0x0b)
	want = append(want, custom("last", "+")...)
	if got := m.Encode(); !bytes.Equal(got, want) {
		t.Errorf("got  % x\nwant % x", got, want)
	}
	if got := m.Customs(); len(got) != 3 || got[2].Name != "last" {
		t.Errorf("custom sections are %v", got)
	}
}
