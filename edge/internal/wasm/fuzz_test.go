package wasm_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// The decoder never panics, an accepted module is written back unchanged, and
// every error is complete.
func FuzzDecode(f *testing.F) {
	f.Add(wasmtest.Kernels)
	f.Add(body(f, "02 40 41 00 0e 01 00 01 0b fc 0b 00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := wasm.Decode(b)
		if err != nil {
			var e *wasm.Error
			if !errors.As(err, &e) || e.Expected == "" || e.Found == "" || e.Offset > len(b) {
				t.Errorf("incomplete error %#v", err)
			}
			if part, _ := wasm.DecodePart(b); part != nil {
				_ = part.Sections()
			}
			return
		}
		for _, c := range m.Customs() {
			if parts, err := wasm.DecodeNames(c.Data); err == nil {
				for _, p := range parts {
					_, _ = p.Names()
				}
			}
		}
		_, _ = walk(m)
		if !bytes.Equal(m.Encode(), b) {
			t.Error("written differently")
		}
		touch(&m.Elements)
		touch(&m.Imports)
		touch(&m.Globals)
		touch(&m.Data)
		if _, err := wasm.Decode(m.Encode()); err != nil {
			t.Errorf("the written module is rejected: %v", err)
		}
	})
}
