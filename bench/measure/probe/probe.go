// Package probe is a guest that does as good as nothing, to measure what
// entering and leaving a guest cost. probe.wasm is probe.wat, assembled.
package probe

import _ "embed" // for the guest

// Wasm is the guest.
//
//go:embed probe.wasm
var Wasm []byte

// Exports of the guest. Both take and return an i64's worth of stack.
const (
	Nothing = "nothing" // returns at once
	Lookup  = "lookup"  // calls tenant_by_domain for the domain at address 0, of the length that is its argument
)
