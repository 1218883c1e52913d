// Package metertest breaks metered guests, for tests that must notice it.
package metertest

import (
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// WithoutMarks returns a metered guest that does not mark some groups of stores: those
// for which skip returns true.
func WithoutMarks(metered []byte, skip func() bool) ([]byte, error) {
	m, err := wasm.Decode(metered)
	if err != nil {
		return nil, err
	}
	index, kept := map[string]uint32{}, 0
	for _, e := range m.Exports.All() {
		index[e.Name] = e.Index
		if strings.HasPrefix(e.Name, meter.ExportKept) {
			kept++
		}
	}
	low, high := index[meter.ExportLow], index[meter.ExportHigh]
	touch := uint32(m.Imported(wasm.KindFunc) + m.Functions.Len() - kept - 2) // flush is the last
	for i, body := range m.Code.All() {
		b := slices.Clone(body.Bytes)
		it := body.Instructions()
		at := len(b) - len(it.Code())
		skipping := false
		for in := (wasm.Instruction{}); it.Next(&in); {
			drops := 0
			switch {
			case in.Op == wasm.OpGlobalSet && in.Index == low:
				if skipping = skip(); skipping {
					drops = 1
				}
			case in.Op == wasm.OpGlobalSet && in.Index == high && skipping:
				drops = 1
			case in.Op == wasm.OpCall && in.Index == touch && skip():
				drops = 2
			default:
				continue
			}
			for n := in.Start; n < in.End && drops > 0; n++ {
				b[at+n] = byte(wasm.OpNop)
				if n-in.Start < drops {
					b[at+n] = byte(wasm.OpDrop)
				}
			}
		}
		m.Code.Set(i, wasm.Body{Bytes: b})
	}
	return m.Encode(), nil
}
