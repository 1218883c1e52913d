package meter

import (
	"math/bits"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// liveness walks backward over a function's events. At each point it has, for each
// local, whether its value will be read (live), and whether it needs a slot until then,
// because of a call or a lack of registers (spilled): both as bits, in one slice.
type liveness struct {
	v      *values
	words  int      // of one of the two sets
	now    []uint64 // live, then spilled
	labels [][]uint64
	free   [][]uint64
	stack  [][]uint64 // the sets after the open blocks; of an if also those at its else
	full   bool       // all live locals are spilled
	slots  int        // slots of locals, one for each set
}

// maxWork is the maximum number of words to process for one function.
const maxWork = 1 << 21

// work returns the number of words to process.
func (v *values) work() int { return (v.edges + len(v.joins)) * (len(v.set)/64 + 1) }

// run analyses v. If there are loops, it walks twice: first with all locals live at
// their beginnings, then with the result of the first walk.
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
	l.slots, l.full, l.stack = 0, false, l.stack[:0]
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
	l.slots += l.count(l.words, 2*l.words) // parameters
}

func (l *liveness) get(e *event) {
	word, bit := int(e.arg)/64, uint64(1)<<(e.arg%64)
	l.now[word] |= bit
	l.press(e)
	if l.full {
		l.now[l.words+word] |= bit
	}
}

// press spills all live locals if there are too few registers.
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
		l.slots++
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

// close processes the end of block i, which is its label, except for a loop, whose
// label is its beginning.
func (l *liveness) close(i int) {
	l.stack = append(l.stack, l.copyOf(l.now))
	if j := &l.v.joins[i]; j.op != wasm.OpLoop {
		l.meet(j)
		l.labels[i] = l.copyOf(l.now)
	}
}

// open processes the beginning of block i.
func (l *liveness) open(i int) {
	j := &l.v.joins[i]
	after := l.pop()
	if j.op == wasm.OpIf { // what is live at the else, or after an if without one
		l.union(after, nil)
	}
	if j.hasElse {
		l.release(after)
		after = l.pop()
	}
	if j.op == wasm.OpLoop {
		l.meet(j)
		copy(l.labels[i], l.now)
	} else {
		l.release(l.labels[i])
		l.labels[i] = nil
	}
	l.release(after)
}

// meet counts the values that are moved at join j, and their slots.
func (l *liveness) meet(j *join) {
	live, spilled := l.count(0, l.words), l.count(l.words, 2*l.words)
	j.moves = min(j.sets, live) + j.arity()
	if live+j.arity()+j.base > registers {
		l.slots += j.moves * (1 + j.edges) // each move may need another slot
	} else {
		l.slots += min(j.sets, spilled)
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
