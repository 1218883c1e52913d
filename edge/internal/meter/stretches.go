package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// A stretch is code that is charged for at once, where it starts: whoever
// passes its start may run all of it, and nobody gets into it otherwise. It
// need not be in one piece. What follows a block that nothing jumps out of
// belongs to what stood before it.
type stretch struct {
	at     int    // where in the code it starts
	weight uint64 // of its instructions
	taken  uint64 // part of weight that was taken over from smaller stretches
	from   int    // the stretch that it follows, which may take it over; dead for none
	check  bool   // fuel is compared with the limit
}

// block is an open block, loop or if; the function's body is the first.
type block struct {
	op       wasm.Opcode
	stretch  int  // the one that the block stands in; dead if it cannot be reached
	outside  int  // outermost block that is jumped to from inside
	targeted bool // its end is jumped to
	elsed    bool // an if with an else

	unseen uint64 // most units since the last look, on the ways to its end; of an if, to its else before
	before uint64 // the same where it began
}

// dead stands for no stretch: code that cannot be reached is not charged for.
const dead = -1

// stretches finds those of one function at a time; it is used for all of them,
// so that its memory is.
type stretches struct {
	list   []stretch // in the order of where they start
	blocks []block
	now    int    // the stretch that the walk is in, or dead
	unseen uint64 // most units since the last look, on the ways that lead here
}

// begin starts a function.
func (s *stretches) begin() {
	s.list, s.blocks = s.list[:0], s.blocks[:0]
	s.now, s.unseen = s.open(0, dead, true), 0
	s.push(wasm.OpBlock)
}

func (s *stretches) open(at, from int, check bool) int {
	s.list = append(s.list, stretch{at: at, from: from, check: check})
	return len(s.list) - 1
}

func (s *stretches) push(op wasm.Opcode) {
	s.blocks = append(s.blocks, block{op: op, stretch: s.now, outside: len(s.blocks), before: s.unseen})
}

// step takes in one instruction of weight w, whose labels are known to be in
// range.
func (s *stretches) step(it *wasm.Instructions, in *wasm.Instruction, w uint64) {
	s.work(in, w)
	switch in.Op {
	case wasm.OpBlock:
		s.push(in.Op)
	case wasm.OpLoop:
		s.push(in.Op)
		if s.now != dead {
			s.now, s.unseen = s.open(in.End, dead, true), 0
		}
	case wasm.OpIf:
		s.push(in.Op)
		s.sometimes(in)
	case wasm.OpElse:
		b := &s.blocks[len(s.blocks)-1]
		b.elsed = true
		b.targeted = b.targeted || s.now != dead // the end of then jumps over else
		if s.now != dead {
			b.unseen = max(b.unseen, s.unseen)
		}
		s.now, s.unseen = b.stretch, b.before
		s.sometimes(in)
	case wasm.OpEnd:
		s.end(in)
	case wasm.OpBr:
		s.jump(in.Index)
		s.now = dead
	case wasm.OpBrIf:
		s.jump(in.Index)
		s.sometimes(in)
	case wasm.OpBrTable:
		for labels := it.Labels(in); ; {
			label, ok := labels.Next()
			if !ok {
				break
			}
			s.jump(label)
		}
		s.now = dead
	case wasm.OpReturn:
		s.jump(uint32(len(s.blocks) - 1))
		s.now = dead
	case wasm.OpUnreachable:
		s.now = dead
	}
}

// work adds an instruction of weight w to the stretch, or begins another one
// that looks at the budget if there is too much of it since the last look.
func (s *stretches) work(in *wasm.Instruction, w uint64) {
	if s.now == dead {
		return
	}
	if s.unseen+w > longest && w > 0 {
		s.now, s.unseen = s.open(in.Start, dead, true), 0
	}
	s.list[s.now].weight += w
	s.unseen += w
}

// called notes that a function of the guest has been called: a return from many
// calls runs the code after each of them.
func (s *stretches) called() { s.unseen = longest - afterCall }

// moved adds what is moved at a join to the stretch that passes it.
func (s *stretches) moved(j *join) {
	if j.at != dead {
		s.list[j.at].weight += uint64(j.moves) >> moveShift
	}
}

// sometimes goes on behind in with code that does not always run when what
// stands before it does.
func (s *stretches) sometimes(in *wasm.Instruction) {
	if s.now != dead {
		s.now = s.open(in.End, s.now, false)
	}
}

// jump notes a jump from here to a label.
func (s *stretches) jump(label uint32) {
	if s.now == dead {
		return
	}
	innermost := len(s.blocks) - 1
	target := innermost - int(label)
	if b := &s.blocks[target]; b.op != wasm.OpLoop {
		b.targeted = true
		b.unseen = max(b.unseen, s.unseen)
	}
	b := &s.blocks[innermost]
	b.outside = min(b.outside, target)
}

// end leaves the innermost block.
func (s *stretches) end(in *wasm.Instruction) {
	depth := len(s.blocks) - 1
	b := s.blocks[depth]
	s.blocks = s.blocks[:depth]
	if depth == 0 {
		return
	}
	outer := &s.blocks[depth-1]
	outer.outside = min(outer.outside, b.outside)
	reached := s.now != dead || b.targeted || b.op == wasm.OpIf && !b.elsed
	if s.now == dead {
		s.unseen = 0
	}
	if s.unseen = max(s.unseen, b.unseen); b.op == wasm.OpIf && !b.elsed {
		s.unseen = max(s.unseen, b.before)
	}
	switch {
	case b.stretch == dead || !reached:
		s.now = dead
	case b.outside >= depth: // what goes in comes out here, or never
		s.now = b.stretch
	case b.op == wasm.OpIf:
		s.now = b.stretch
		s.sometimes(in)
	case b.targeted:
		s.now = s.open(in.End, dead, false)
	}
}

// fold gives small stretches to those that they follow. Each takes on no more
// than what is small itself, so that it is overcharged by no more than that.
func (s *stretches) fold() {
	for i := len(s.list) - 1; i >= 0; i-- {
		small := &s.list[i]
		if small.from == dead || small.weight > smallest {
			continue
		}
		if from := &s.list[small.from]; from.taken+small.weight <= smallest {
			from.weight += small.weight
			from.taken += small.weight
			small.weight = 0
		}
	}
}
