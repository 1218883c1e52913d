package pristine

import (
	"math/bits"
	"os"
)

// pageSize is the system's page size, the unit in which memory becomes private. It
// divides a Wasm page on every system that Go supports.
var pageSize = os.Getpagesize()

// pageSet is the set of pages that are known to be private to a memory. A page stays
// private until it is forgotten.
type pageSet struct {
	bits  []uint64
	runs  []pageRun // the same as sorted, merged ranges, which are copied
	count int
}

// pageRun is a range of bytes, of whole pages.
type pageRun struct{ start, end int }

func newPageSet(size int) pageSet {
	return pageSet{bits: make([]uint64, (size/pageSize+63)/64)}
}

// add adds the pages from first up to but not including end. runs is stale until
// rebuild.
func (s *pageSet) add(first, end int) {
	for p := first; p < end; p++ {
		word, bit := p/64, uint64(1)<<(p%64)
		if s.bits[word]&bit == 0 {
			s.bits[word] |= bit
			s.count++
		}
	}
}

// remove removes the pages from first up to but not including end, which must be in
// the set. runs is stale until rebuild.
func (s *pageSet) remove(first, end int) {
	for p := first; p < end; p++ {
		s.bits[p/64] &^= 1 << (p % 64)
		s.count--
	}
}

// rebuild updates runs from bits.
func (s *pageSet) rebuild() { s.runs = appendRuns(s.runs[:0], s.bits) }

// appendRuns appends the pages whose bits are set as sorted, merged ranges.
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
