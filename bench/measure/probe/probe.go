// Package probe is a guest that does almost nothing, used to measure the cost of
// entering and leaving a guest. probe.wasm is assembled from probe.wat.
package probe

import _ "embed" // for the guest

// Wasm is the guest.
//
//go:embed probe.wasm
var Wasm []byte

// Exports of the guest. Both use one stack slot of 64 bits.
const (
	Nothing = "nothing" // returns at once
	Lookup  = "lookup"  // calls tenant_by_domain for the domain at address 0; its argument is the length
)
