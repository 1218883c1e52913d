//go:build !linux

package edge

import "runtime/debug"

// confine bounds what the smoke run's process may take, as far as a Go runtime
// does that by itself.
func confine(t *Trial) error {
	debug.SetMemoryLimit(1<<30 + 64*int64(len(t.Wasm)) + 2*max(t.Limits.Memory, 64<<20))
	return nil
}
