package meter

import (
	"math/bits"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// liveness walks back over a function's events. For each local it knows at
// each point whether its value is still read (live), and whether it waits for
// a call or for want of registers until then (waiting): both as bits, in one
// list of words.
type liveness struct {
	v      *values
	words  int      // of one of the two sets
	now    []uint64 // live, then waiting
	labels [][]uint64
	free   [][]uint64
	stack  [][]uint64 // what is live after the blocks that are open; of an if, then where its else begins
	full   bool       // all that lives is waiting
	places int        // locals that have a place on the stack, once for each time that they are set
}

// mostWork bounds the words that are looked at for one function.
const mostWork = 1 << 21

// work returns how much there is to do, in words.
func (v *values) work() int { return (v.edges + len(v.joins)) * (len(v.set)/64 + 1) }

// run looks at v. Around loops it looks twice: first as if all locals lived
// there, then with what that gave.
func (l *liveness) run(v *values) {
	l.v, l.words = v, (len(v.set)+63)/64
	l.labels = append(l.labels[:0], make([][]uint64, len(v.joins))...)
	l.now = append(l.now[:0], make([]uint64, 2*l.words)...)
	loops := false
	for i := range v.joins {
		if v.joins[i].op == wasm.OpLoop {
			loops = true
			l.labels[i] = l.copyOf(nil)
			for n := range v.set {
				l.labels[i][n/64] |= 1 << (n % 64)
				l.labels[i][l.words+n/64] |= 1 << (n % 64)
			}
		}
	}
	l.walk()
	if loops {
		l.walk()
	}
	for i, label := range l.labels {
		l.release(label)
		l.labels[i] = nil
	}
}

func (l *liveness) walk() {
	clear(l.now)
	l.places, l.full, l.stack = 0, false, l.stack[:0]
	for i := len(l.v.events) - 1; i >= 0; i-- {
		e := &l.v.events[i]
		switch e.kind {
		case eventGet:
			l.get(e)
		case eventSet:
			l.set(int(e.arg))
		case eventWait:
			l.wait()
		case eventClose:
			l.close(int(e.arg))
		case eventElse:
			l.stack = append(l.stack, l.copyOf(l.now))
			l.load(l.labels[e.arg])
		case eventOpen:
			l.open(int(e.arg))
		case eventJump:
			l.union(l.labels[e.arg], e)
		case eventDead:
			clear(l.now)
			l.full = false
		}
	}
	l.places += l.count(l.words, 2*l.words) // parameters
}

func (l *liveness) get(e *event) {
	word, bit := int(e.arg)/64, uint64(1)<<(e.arg%64)
	l.now[word] |= bit
	l.press(e)
	if l.full {
		l.now[l.words+word] |= bit
	}
}

// press has all that lives wait if there are too few registers for it.
func (l *liveness) press(e *event) {
	if l.words == 1 || !l.full {
		if l.count(0, l.words)+int(e.height) > registers {
			l.wait()
			return
		}
		l.full = false
	}
}

func (l *liveness) set(n int) {
	word, bit := n/64, uint64(1)<<(n%64)
	if l.now[l.words+word]&bit != 0 {
		l.places++
	}
	l.now[word] &^= bit
	l.now[l.words+word] &^= bit
}

func (l *liveness) wait() {
	if l.full {
		return
	}
	copy(l.now[l.words:], l.now[:l.words])
	l.full = true
}

func (l *liveness) count(from, to int) (n int) {
	for _, w := range l.now[from:to] {
		n += bits.OnesCount64(w)
	}
	return n
}

// close is the end of block i. What lives there is what lives at its label, but
// for a loop, whose label is where it begins.
func (l *liveness) close(i int) {
	l.stack = append(l.stack, l.copyOf(l.now))
	if j := &l.v.joins[i]; j.op != wasm.OpLoop {
		l.meet(j)
		l.labels[i] = l.copyOf(l.now)
	}
}

// open is where block i begins.
func (l *liveness) open(i int) {
	j := &l.v.joins[i]
	behind := l.pop()
	if j.op == wasm.OpIf { // what lives where the else begins, or after an if without
		l.union(behind, nil)
	}
	if j.elsed {
		l.release(behind)
		behind = l.pop()
	}
	if j.op == wasm.OpLoop {
		l.meet(j)
		copy(l.labels[i], l.now)
	} else {
		l.release(l.labels[i])
		l.labels[i] = nil
	}
	l.release(behind)
}

// meet counts what is moved at join j, and what that takes on the stack.
func (l *liveness) meet(j *join) {
	live, waiting := l.count(0, l.words), l.count(l.words, 2*l.words)
	j.moves = min(j.sets, live) + j.arity()
	if live+j.arity()+j.base > registers {
		l.places += j.moves * (1 + j.edges) // it may be moved by way of a place of its own
	} else {
		l.places += min(j.sets, waiting)
	}
}

func (l *liveness) union(with []uint64, e *event) {
	for i, w := range with {
		l.now[i] |= w
	}
	l.full = false
	if e != nil && l.count(0, l.words)+int(e.height) > registers {
		l.wait()
	}
}

func (l *liveness) load(from []uint64) {
	copy(l.now, from)
	l.full = false
}

func (l *liveness) pop() []uint64 {
	last := len(l.stack) - 1
	top := l.stack[last]
	l.stack = l.stack[:last]
	return top
}

func (l *liveness) copyOf(from []uint64) []uint64 {
	var b []uint64
	if last := len(l.free) - 1; last >= 0 && cap(l.free[last]) >= 2*l.words {
		b, l.free = l.free[last][:2*l.words], l.free[:last]
	} else {
		b = make([]uint64, 2*l.words)
	}
	clear(b[copy(b, from):])
	return b
}

func (l *liveness) release(b []uint64) {
	if b != nil {
		l.free = append(l.free, b)
	}
}
