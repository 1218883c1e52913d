package meter

import (
	"encoding/binary"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// A group is stores relative to one value, of which the first is always executed before
// the others. Before the first, their whole range is checked at once.
type group struct {
	at    uint32 // offset of the first store's operand from the value
	start uint32 // offset of the range from the value
	size  uint32 // of the range in bytes
	stack bool
	value wasm.ValType // what the first store stores
}

// maxRange bounds the range of a group, in bytes.
const maxRange = 256

// stored returns the size of what an instruction stores and its type, or 0.
func stored(op wasm.Opcode) (size uint32, t wasm.ValType) {
	switch {
	case op >= wasm.OpI32Store && op <= wasm.OpI64Store32:
		const i32, i64 = wasm.I32, wasm.I64
		n := op - wasm.OpI32Store
		return [...]uint32{4, 8, 4, 8, 1, 2, 1, 2, 4}[n], [...]wasm.ValType{i32, i64, wasm.F32, wasm.F64, i32, i32, i64, i64, i64}[n]
	case op == wasm.OpV128Store:
		return 16, wasm.V128
	case op >= wasm.OpV128Store8 && op <= wasm.OpV128Store64:
		return 1 << (op - wasm.OpV128Store8), wasm.V128
	}
	return 0, 0
}

// stores finds the groups of a function.
type stores struct {
	addresses
	groups []group
}

func (s *stores) begin(locals uint32) {
	s.addresses.begin(int(locals))
	s.groups = s.groups[:0]
}

// step processes an instruction. It reports whether it is the first store of a group,
// the last in groups.
func (s *stores) step(in *wasm.Instruction) (first bool) {
	size, t := stored(in.Op)
	if size > 0 {
		n := len(s.operands)
		var a address
		if n >= 2 {
			a = s.operands[n-2]
		}
		first = s.store(a, in.Index, size, t)
	}
	s.addresses.step(in)
	return first
}

// jumps reports whether an instruction sets a stack pointer to something that does not derive
// from one, as a switch to another stack does.
func (s *stores) jumps(in *wasm.Instruction) bool {
	n := len(s.operands)
	return in.Op == wasm.OpGlobalSet && s.pointers[in.Index] && (n == 0 || !s.origins[s.operands[n-1].origin].stack)
}

func (s *stores) store(a address, offset, size uint32, t wasm.ValType) (first bool) {
	if a.origin == 0 {
		a = s.fresh(false)
	}
	o := &s.origins[a.origin]
	at := a.offset + offset
	if o.group != noGroup && s.holds(o.since) && s.groups[o.group].include(at, size) {
		return false
	}
	s.groups = append(s.groups, group{at: a.offset, start: at, size: size, stack: o.stack, value: t})
	o.group, o.since = len(s.groups)-1, s.here()
	return true
}

// include extends the range by size bytes at an offset, unless it becomes too large.
func (g *group) include(at, size uint32) bool {
	start, end := g.start, g.size // relative to start
	if d := at - start; d < 1<<31 {
		end = max(end, d+size)
	} else {
		start, end = at, max(end-d, size)
	}
	if end > maxRange {
		return false
	}
	g.start, g.size = start, end
	return true
}

// scratchTypes are the types of the locals that checks use, for each function that has
// checks: address, start, and one for a value of each type.
var scratchTypes = [...]wasm.ValType{wasm.I32, wasm.I32, wasm.V128, wasm.F64, wasm.F32, wasm.I64, wasm.I32}

// appendLocals appends the declarations of a function's locals, and of those that the
// checks use.
func (s *stores) appendLocals(dst, declared []byte) []byte {
	if len(s.groups) == 0 {
		return append(dst, declared...)
	}
	n, size := binary.Uvarint(declared)
	dst = append(wasm.AppendU32(dst, uint32(n)+uint32(len(scratchTypes))), declared[size:]...)
	for _, t := range scratchTypes {
		dst = append(dst, 1, t)
	}
	return dst
}
