// Package arena copies many strings in few allocations.
//
//	var texts arena.Arena
//	name := texts.Copy(line[:n])
package arena

import "strings"

// An Arena stores strings one after the other. The zero value is empty. A string
// keeps all strings of its chunk in memory, so arenas suit strings that are
// released together.
type Arena struct{ chunk strings.Builder }

const (
	firstChunk = 1 << 10
	lastChunk  = 64 << 10
)

// Copy returns a string with the bytes of b.
func (a *Arena) Copy(b []byte) string {
	start := a.chunk.Len()
	if start+len(b) > a.chunk.Cap() {
		size := min(max(firstChunk, 2*a.chunk.Cap()), lastChunk)
		start, a.chunk = 0, strings.Builder{}
		a.chunk.Grow(max(size, len(b)))
	}
	a.chunk.Write(b)
	return a.chunk.String()[start:]
}
