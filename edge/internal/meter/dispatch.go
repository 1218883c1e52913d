package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// dispatcher is the loop that Go's compiler puts functions into, because Wasm
// has no goto: a block for each place that is jumped to, and a br_table on a
// local that picks one.
//
//	loop
//	  block … block
//	    local.get $place
//	    br_table 0 1 2 …
//	  end
//	  ;; place 0
//	  i32.const 7
//	  local.set $place
//	  br $loop
//	  …
//
// A jump forward, like the last three lines, can go to its place at once: the
// place's block is still open around it. The br is given that block's label,
// which saves the way through the loop header, where fuel is checked, and an
// indirect jump. This pays for the metering of a Go guest, or nearly.
type dispatcher struct {
	seen    progress
	header  int // index among the open blocks of the loop that may be one
	picked  uint32
	earlier [2]wasm.Instruction // the two before this one

	// Of the one that was found last:
	loop   int     // index of the loop, dead once it was left
	local  uint32  // holds the number of the place
	places []int32 // index of the block whose end is the place, the default last
	intact int     // blocks below this index are those that were open at the br_table
}

// progress is how much of the beginning was seen.
type progress uint8

const (
	seenNothing progress = iota
	seenLoop             // and any number of blocks
	seenGet
)

// begin starts a function.
func (d *dispatcher) begin() {
	*d = dispatcher{loop: dead, places: d.places[:0]}
}

// step takes in one instruction, whose labels are known to be in range. If it
// is a br that can go straight to its place, step changes its label and returns
// true.
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
	d.look(it, in, depth)
	d.earlier[0], d.earlier[1] = d.earlier[1], *in
	return direct
}

// look follows the beginning of a dispatcher.
func (d *dispatcher) look(it *wasm.Instructions, in *wasm.Instruction, depth int) {
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
	d.seen, d.loop, d.local, d.intact, d.places = seenNothing, d.header, d.picked, depth, d.places[:0]
	for labels := it.Labels(in); ; {
		label, ok := labels.Next()
		if !ok {
			return
		}
		d.places = append(d.places, int32(depth-1-int(label)))
	}
}

// jump turns a br to the loop into one to its place, if both are known.
func (d *dispatcher) jump(in *wasm.Instruction, depth int) bool {
	constant, set := d.earlier[0], d.earlier[1]
	if d.loop == dead || depth-1-int(in.Index) != d.loop ||
		constant.Op != wasm.OpI32Const || set.Op != wasm.OpLocalSet || set.Index != d.local {
		return false
	}
	place := int(d.places[min(uint64(constant.Index), uint64(len(d.places)-1))])
	if place == d.loop || place >= d.intact {
		return false // backward
	}
	in.Index = uint32(depth - 1 - place)
	return true
}
