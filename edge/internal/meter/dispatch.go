package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// dispatcher is the loop that Go's compiler wraps functions in, because Wasm has no
// goto: a block for each jump target, and a br_table on a local that selects one.
//
//	loop
//	  block … block
//	    local.get $target
//	    br_table 0 1 2 …
//	  end
//	  ;; target 0
//	  i32.const 7
//	  local.set $target
//	  br $loop
//	  …
//
// A forward jump, like the last three lines, can go directly to its target, whose block
// is still open around it. The br gets that block's label, which saves the loop
// header, with its check, and an indirect jump. This nearly compensates for the
// metering of a Go guest.
type dispatcher struct {
	seen    progress
	header  int // index, among the open blocks, of the candidate loop
	picked  uint32
	earlier [2]wasm.Instruction // the two preceding instructions

	// Of the dispatcher that was found last:
	loop    int     // index of the loop; dead after its end
	local   uint32  // holds the number of the target
	targets []int32 // index of the block whose end is the target, the default last
	intact  int     // blocks below this index were open at the br_table
}

// progress is how much of the beginning of a dispatcher has been seen.
type progress uint8

const (
	seenNothing progress = iota
	seenLoop             // and possibly blocks
	seenGet
)

// begin starts a function.
func (d *dispatcher) begin() {
	*d = dispatcher{loop: dead, targets: d.targets[:0]}
}

// step processes one instruction, whose labels have been checked. If it is a br that
// can go directly to its target, step changes its label and returns true.
func (d *dispatcher) step(it *wasm.Instructions, in *wasm.Instruction) (direct bool) {
	depth := it.Depth()
	switch in.Op {
	case wasm.OpEnd:
		d.intact = min(d.intact, depth)
		if depth <= d.loop {
			d.loop = dead
		}
	case wasm.OpBr:
		direct = d.jump(in, depth)
	}
	d.match(it, in, depth)
	d.earlier[0], d.earlier[1] = d.earlier[1], *in
	return direct
}

// match recognizes the beginning of a dispatcher.
func (d *dispatcher) match(it *wasm.Instructions, in *wasm.Instruction, depth int) {
	plain := in.End == in.Imm+1 && it.Code()[in.Imm] == noResult
	switch {
	case in.Op == wasm.OpLoop && plain:
		d.seen, d.header = seenLoop, depth-1
	case d.seen == seenLoop && in.Op == wasm.OpBlock && plain:
	case d.seen == seenLoop && in.Op == wasm.OpLocalGet:
		d.seen, d.picked = seenGet, in.Index
	case d.seen == seenGet && in.Op == wasm.OpBrTable:
		d.found(it, in, depth)
	default:
		d.seen = seenNothing
	}
}

func (d *dispatcher) found(it *wasm.Instructions, in *wasm.Instruction, depth int) {
	d.seen, d.loop, d.local, d.intact, d.targets = seenNothing, d.header, d.picked, depth, d.targets[:0]
	for labels := it.Labels(in); ; {
		label, ok := labels.Next()
		if !ok {
			return
		}
		d.targets = append(d.targets, int32(depth-1-int(label)))
	}
}

// jump turns a br to the loop into one to its target, if both are known.
func (d *dispatcher) jump(in *wasm.Instruction, depth int) bool {
	constant, set := d.earlier[0], d.earlier[1]
	if d.loop == dead || depth-1-int(in.Index) != d.loop ||
		constant.Op != wasm.OpI32Const || set.Op != wasm.OpLocalSet || set.Index != d.local {
		return false
	}
	target := int(d.targets[min(uint64(constant.Index), uint64(len(d.targets)-1))])
	if target == d.loop || target >= d.intact {
		return false // backward
	}
	in.Index = uint32(depth - 1 - target)
	return true
}
