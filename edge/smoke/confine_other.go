//go:build !linux

package smoke

import "runtime/debug"

const hasBackground = false

// confine sets the memory limit of the Go runtime. It sets no resource limits on
// this system.
func confine(t *Trial) error {
	debug.SetMemoryLimit(1<<30 + 64*int64(len(t.Wasm)) + 2*max(t.Memory, 64<<20))
	return nil
}
