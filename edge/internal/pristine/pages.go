package pristine

import (
	"math/bits"
	"os"
)

// pageSize is the system's: the unit in which memory becomes private. It
// divides a Wasm page on every system that Go runs on.
var pageSize = os.Getpagesize()

// pageSet holds the pages of a memory that are known to be private to it. What
// is private once stays so until it is given up.
type pageSet struct {
	bits  []uint64
	runs  []pageRun // the same as neighbours in one, in order: what is copied
	count int
}

// pageRun is a range of bytes.
type pageRun struct{ start, end int }

func newPageSet(size int) pageSet {
	return pageSet{bits: make([]uint64, (size/pageSize+63)/64)}
}

// add puts the pages from first to before end into the set. The runs are void
// until rebuild.
func (s *pageSet) add(first, end int) {
	for p := first; p < end; p++ {
		word, bit := p/64, uint64(1)<<(p%64)
		if s.bits[word]&bit == 0 {
			s.bits[word] |= bit
			s.count++
		}
	}
}

// remove takes the pages from first to before end, which are in the set, out of
// it. The runs are void until rebuild.
func (s *pageSet) remove(first, end int) {
	for p := first; p < end; p++ {
		s.bits[p/64] &^= 1 << (p % 64)
		s.count--
	}
}

// rebuild makes the runs say what the bits say.
func (s *pageSet) rebuild() { s.runs = appendRuns(s.runs[:0], s.bits) }

// appendRuns appends the pages whose bits are set, neighbours in one, in order.
func appendRuns(runs []pageRun, pages []uint64) []pageRun {
	last := -1
	for w, word := range pages {
		for ; word != 0; word &= word - 1 {
			start := (w*64 + bits.TrailingZeros64(word)) * pageSize
			if start == last {
				runs[len(runs)-1].end += pageSize
			} else {
				runs = append(runs, pageRun{start, start + pageSize})
			}
			last = start + pageSize
		}
	}
	return runs
}
