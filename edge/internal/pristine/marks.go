package pristine

import (
	_ "embed"
	"encoding/binary"
	"math/bits"

	"github.com/tetratelabs/wazero/experimental"
)

// always is the number of bytes at the beginning of the memory that are copied even if
// they are not marked.
const always = 256

// grain is the unit in which written memory is marked and copied, in bytes.
const grain = 1024

// marks is the set of grains of a memory that were written. It is also the linear
// memory of a marker, the module by which a guest marks them (marker.go), so the guest
// has no access to it. The numbers are little-endian:
//
//	u32 number of grains, u32 1 if a range of maxMarked grains was written,
//	then for each 4,096 grains
//	u64 which of the following are not zero
//	64 × u64 a bit for each grain
type marks []byte

const (
	excess      = 4 // where the second number is
	marksHeader = 8
	block       = 65 * 8
	blockGrains = 64 * 64

	// maxMarked bounds the time of marking a range. A larger range is not marked,
	// since the memory is retired anyway.
	maxMarked = DefaultRetireAbove / grain
)

func newMarks(size int) marks {
	grains := size / grain
	m := make(marks, marksHeader+(grains+blockGrains-1)/blockGrains*block)
	binary.LittleEndian.PutUint32(m, uint32(grains))
	return m
}

// add marks n bytes at an address. Like the marker, it ignores what is beyond the
// memory.
func (m marks) add(at, n uint64) {
	if n == 0 {
		return
	}
	end := min((at+n-1)/grain+1, uint64(binary.LittleEndian.Uint32(m)))
	g := at / grain
	if end >= g+maxMarked {
		m[excess] = 1
		return
	}
	for ; g < end; g = g&^63 + 64 {
		set := ^uint64(0) << (g % 64)
		if rest := end - g&^63; rest < 64 {
			set &^= ^uint64(0) << rest
		}
		b := m[marksHeader+g/blockGrains*block:]
		word := b[8+g/64%64*8:]
		binary.LittleEndian.PutUint64(word, binary.LittleEndian.Uint64(word)|set)
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)|1<<(g/64%64))
	}
}

// take removes all marks, and calls f for each range of marked bytes. It reports whether a
// range was too large to be marked.
func (m marks) take(f func(start, end int)) (tooMuch bool) {
	tooMuch, m[excess] = m[excess] != 0, 0
	for at, first := marksHeader, 0; at < len(m); at, first = at+block, first+blockGrains {
		words := binary.LittleEndian.Uint64(m[at:])
		if words == 0 {
			continue
		}
		binary.LittleEndian.PutUint64(m[at:], 0)
		for ; words != 0; words &= words - 1 {
			n := bits.TrailingZeros64(words)
			word := m[at+8+n*8:]
			set := binary.LittleEndian.Uint64(word)
			binary.LittleEndian.PutUint64(word, 0)
			for set != 0 {
				start := bits.TrailingZeros64(set)
				end := start + bits.TrailingZeros64(^(set >> start))
				set &= ^uint64(0) << end // 0 for an end of 64
				f((first+n*64+start)*grain, (first+n*64+end)*grain)
			}
		}
	}
	return tooMuch
}

// Allocate implements experimental.MemoryAllocator, for the marker.
func (m marks) Allocate(_, _ uint64) experimental.LinearMemory { return m }

// Reallocate implements experimental.LinearMemory.
func (m marks) Reallocate(uint64) []byte { return m }

// Free implements experimental.LinearMemory.
func (marks) Free() {}

// Marker is the Wasm module of a marker. Each memory needs an instance of its own, made
// with the allocator that Memory.Marks returns, by which the guest marks what it writes.
//
//go:embed marker.wasm
var Marker []byte

// ExportMark is the function of a marker: mark(address i32, n i32).
const ExportMark = "mark"
