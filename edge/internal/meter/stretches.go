package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// A stretch is code that is charged for at once, where it starts: execution enters it
// only there, and then may run all of it. It need not be contiguous: code after a
// block that no jump leaves belongs to the stretch before the block.
type stretch struct {
	at     int    // offset in the code where it starts
	weight uint64 // of its instructions
	folded uint64 // part of weight that is that of smaller stretches
	from   int    // the stretch that it follows, into which it may be folded; dead for none
	check  bool   // fuel is compared with the limit
}

// block is an open block, loop or if; the function's body is the first.
type block struct {
	op       wasm.Opcode
	stretch  int  // the one that contains the block; dead if it cannot be reached
	outside  int  // outermost block that is the target of a jump inside
	targeted bool // its end is the target of a jump
	hasElse  bool // an if with an else

	unseen uint64 // maximum of units since the last check, on all paths to its end (of an if: to its else)
	before uint64 // the same at its beginning
}

// dead is no stretch: unreachable code is not charged for.
const dead = -1

// stretches finds the stretches of a function. It is reused for all functions.
type stretches struct {
	list   []stretch // in order of their starts
	blocks []block
	now    int    // the current stretch, or dead
	unseen uint64 // maximum of units since the last check, on all paths to here
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

// step processes one instruction of weight w, whose labels have been checked.
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
		b.hasElse = true
		b.targeted = b.targeted || s.now != dead // the end of then skips else
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

// work adds an instruction of weight w to the stretch. If there would be too many units
// since the last check, it opens another stretch with a check.
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

// called records a call of a function of the guest: when many calls return one after
// another, the code after each of them runs without a check.
func (s *stretches) called() { s.unseen = longest - afterCall }

// moved adds the values that are moved at a join to the stretch that contains it.
func (s *stretches) moved(j *join) {
	if j.at != dead {
		s.list[j.at].weight += uint64(j.moves) >> moveShift
	}
}

// sometimes opens a stretch after in, for code that runs only sometimes when the code
// before it runs.
func (s *stretches) sometimes(in *wasm.Instruction) {
	if s.now != dead {
		s.now = s.open(in.End, s.now, false)
	}
}

// jump records a jump from here to a label.
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
	reached := s.now != dead || b.targeted || b.op == wasm.OpIf && !b.hasElse
	if s.now == dead {
		s.unseen = 0
	}
	if s.unseen = max(s.unseen, b.unseen); b.op == wasm.OpIf && !b.hasElse {
		s.unseen = max(s.unseen, b.before)
	}
	switch {
	case b.stretch == dead || !reached:
		s.now = dead
	case b.outside >= depth: // execution that enters the block leaves it here, or never
		s.now = b.stretch
	case b.op == wasm.OpIf:
		s.now = b.stretch
		s.sometimes(in)
	case b.targeted:
		s.now = s.open(in.End, dead, false)
	}
}

// fold charges for small stretches with those that they follow. Each takes at most
// smallest units, so that it is overcharged by at most that.
func (s *stretches) fold() {
	for i := len(s.list) - 1; i >= 0; i-- {
		small := &s.list[i]
		if small.from == dead || small.weight > smallest {
			continue
		}
		if from := &s.list[small.from]; from.folded+small.weight <= smallest {
			from.weight += small.weight
			from.folded += small.weight
			small.weight = 0
		}
	}
}
