package pristine

import (
	"math/bits"
	"os"
)

// pageSize is the system's: the unit in which memory becomes private. It
// divides a Wasm page on every system that Go runs on.
var pageSize = os.Getpagesize()

// pageSet holds the pages of a memory that are known to be private to it. It
// only grows: a page that was private once may be so again.
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

// rebuild makes the runs say what the bits say.
func (s *pageSet) rebuild() {
	s.runs = s.runs[:0]
	last := -1
	for w, word := range s.bits {
		for ; word != 0; word &= word - 1 {
			start := (w*64 + bits.TrailingZeros64(word)) * pageSize
			if start == last {
				s.runs[len(s.runs)-1].end += pageSize
			} else {
				s.runs = append(s.runs, pageRun{start, start + pageSize})
			}
			last = start + pageSize
		}
	}
}
