package pristine

import (
	"bytes"
	"math/bits"
)

// A page that was written once is copied after every later call. So that one rare
// call that writes many pages does not slow down all later ones, pages that calls
// no longer write are forgotten: they show the image again, and become private
// again when they are written, in a fault that the gate counts.
const (
	// checkEvery is the number of calls after which the known pages are compared with
	// the image. A comparison costs about twice the copying of a call.
	checkEvery = 128
	// checks is how many consecutive comparisons must find a page unchanged.
	// Forgetting takes as long as copying a few hundred pages; it happens at most
	// once in checkEvery*checks calls.
	checks = 8
)

// idlePages is the set of known pages that may be forgotten.
type idlePages struct {
	bits   []uint64  // found unchanged by every check of this round
	runs   []pageRun // the ranges that are forgotten
	calls  int       // since the last check
	checks int       // of this round
}

// due counts a call, and reports whether to check after it.
func (p *idlePages) due() bool {
	p.calls++
	if p.calls < checkEvery {
		return false
	}
	p.calls = 0
	return true
}

// check removes the pages that the last call has changed. It reports whether the
// others have been checked often enough.
func (p *idlePages) check(known *pageSet, view, content []byte) (enough bool) {
	if p.checks == 0 {
		p.bits = append(p.bits[:0], known.bits...)
	}
	for w, word := range p.bits {
		for ; word != 0; word &= word - 1 {
			bit := bits.TrailingZeros64(word)
			start := (w*64 + bit) * pageSize
			if !bytes.Equal(view[start:start+pageSize], content[start:start+pageSize]) {
				p.bits[w] &^= 1 << bit
			}
		}
	}
	p.checks = (p.checks + 1) % checks
	return p.checks == 0
}

// forgetIdle forgets the idle pages and returns their number. Pages that the system
// does not drop (of locked memory, for example) stay known and are copied as before.
func (m *Memory) forgetIdle() int {
	before := m.known.count
	m.idle.runs = appendRuns(m.idle.runs[:0], m.idle.bits)
	for _, run := range m.idle.runs {
		if m.space.forget(run.start, run.end) == nil {
			m.known.remove(run.start/pageSize, run.end/pageSize)
		}
	}
	if m.known.count != before {
		m.known.rebuild()
	}
	return before - m.known.count
}
