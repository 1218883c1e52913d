package pristine

import (
	"bytes"
	"math/bits"
)

// A page that was written once is put back after every later call. So that one
// rare call, which writes many, does not slow down all that follow, pages that
// calls leave alone are given up: they are the image's again, and belong to the
// memory once more when they are written to, by a fault that the gate sees.
const (
	// lookEvery is after how many calls the known pages are compared with the
	// image. It spreads what that costs, about twice a call's copying.
	lookEvery = 128
	// looks is how many times in a row a page must be found unchanged. Giving
	// up pages takes as long as copying a few hundred; it happens once in
	// lookEvery*looks calls at most.
	looks = 8
)

// idlePages are those known pages that may be given up.
type idlePages struct {
	bits  []uint64  // found unchanged by every look since the first
	runs  []pageRun // what is given up
	calls int       // since the last look
	looks int
}

// due counts a call, and reports whether to look after it.
func (p *idlePages) due() bool {
	p.calls++
	if p.calls < lookEvery {
		return false
	}
	p.calls = 0
	return true
}

// look leaves out the pages that a call has changed. It reports whether those that
// are left have been looked at often enough.
func (p *idlePages) look(known *pageSet, view, content []byte) (enough bool) {
	if p.looks == 0 {
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
	p.looks = (p.looks + 1) % looks
	return p.looks == 0
}

// giveUp makes the idle pages the image's again, and returns how many. Those for
// which the system refuses (memory that is locked, say) stay known, and nothing
// is lost.
func (m *Memory) giveUp() int {
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
