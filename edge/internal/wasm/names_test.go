package wasm_test

import (
	"reflect"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

func TestNamesReadBackAsTheyWereWritten(t *testing.T) {
	m, err := wasm.Decode(wasmtest.GoGuest(t))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, c := range m.Customs() {
		if c.Name != wasm.NameSection {
			continue
		}
		parts, err := wasm.DecodeNames(c.Data)
		if err != nil {
			t.Fatal(err)
		}
		again, err := wasm.DecodeNames(wasm.AppendNames(nil, parts))
		if err != nil || !reflect.DeepEqual(again, parts) {
			t.Errorf("the parts read differently: %v", err)
		}
		for _, p := range parts {
			if p.ID != wasm.NamesFunctions {
				continue
			}
			names, err := p.Names()
			if err != nil {
				t.Fatal(err)
			}
			p.Data = wasm.AppendNameMap(nil, names)
			if again, err := p.Names(); err != nil || !reflect.DeepEqual(again, names) {
				t.Errorf("the names read differently: %v", err)
			}
			for _, n := range names {
				found = found || n.Name == "main.route"
			}
		}
	}
	if !found {
		t.Error("no function is called main.route")
	}
}

func TestMalformedNamesAreRejected(t *testing.T) {
	for name, data := range map[string][]byte{"part past the end": {1, 9, 0}, "count past the end": {1, 2, 0x7f, 0}} {
		parts, err := wasm.DecodeNames(data)
		for _, p := range parts {
			if err == nil {
				_, err = p.Names()
			}
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
