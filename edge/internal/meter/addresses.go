package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// address is what is known of an operand or a local: its lower 32 bits are those of
// origin plus offset, modulo 2^32. Origin 0 means that nothing is known.
type address struct{ origin, offset uint32 }

// plus returns the address moved by n.
func (a address) plus(n uint32) address {
	if a.origin == 0 {
		return a
	}
	return address{a.origin, a.offset + n}
}

// scope is a point in the code from which something holds: until the block is left that
// was the innermost open one at that point, or until a loop begins.
type scope struct {
	depth int    // index of that block among the open ones
	block uint32 // its number
}

// addresses follows numbers through code, so that stores with a common base are
// recognized: constants that are added, and copies in locals. It knows nothing of
// operands that were on the stack when a block began or an uncommon instruction ran. It is
// reused for all functions.
type addresses struct {
	operands []address // the top of the operand stack; what is below is unknown
	locals   []local
	blocks   []openBlock
	number   uint32   // of the block that was opened last
	origins  []origin // by number
	pointers []bool   // by global: it may be a stack pointer
}

type local struct {
	address
	since scope
}

type openBlock struct {
	number uint32
	loop   int // index of the innermost open loop
}

// origin is a value that some instruction yields.
type origin struct {
	stack bool // it was read from a global, like the stack pointer of compilers
	group int  // the last group of stores relative to it
	since scope
}

const (
	noGroup = -1
	zero    = 1 // the origin of constants
)

// begin starts a function.
func (a *addresses) begin(locals int) {
	a.operands, a.blocks, a.number = a.operands[:0], a.blocks[:0], 0
	a.locals = append(a.locals[:0], make([]local, locals)...)
	a.origins = append(a.origins[:0], origin{group: noGroup}, origin{group: noGroup})
	a.open(false)
}

func (a *addresses) open(loop bool) {
	a.number++
	b := openBlock{number: a.number}
	if n := len(a.blocks); n > 0 {
		b.loop = a.blocks[n-1].loop
	}
	if loop {
		b.loop = len(a.blocks)
	}
	a.blocks = append(a.blocks, b)
	a.operands = a.operands[:0]
}

// here returns the scope of what holds from here on.
func (a *addresses) here() scope {
	n := len(a.blocks) - 1
	return scope{n, a.blocks[n].number}
}

// holds reports whether what holds in s holds here.
func (a *addresses) holds(s scope) bool {
	n := len(a.blocks) - 1
	return s.depth <= n && s.depth >= a.blocks[n].loop && a.blocks[s.depth].number == s.block
}

// fresh returns the address of a new value.
func (a *addresses) fresh(stack bool) address {
	a.origins = append(a.origins, origin{stack: stack, group: noGroup})
	return address{origin: uint32(len(a.origins) - 1)}
}

func (a *addresses) push(v address) { a.operands = append(a.operands, v) }

func (a *addresses) pop() address {
	n := len(a.operands) - 1
	if n < 0 {
		return address{}
	}
	v := a.operands[n]
	a.operands = a.operands[:n]
	return v
}

func (a *addresses) get(i uint32) address {
	l := &a.locals[i]
	if l.origin == 0 || !a.holds(l.since) {
		*l = local{a.fresh(a.origins[l.origin].stack), a.here()}
	}
	return l.address
}

func (a *addresses) set(i uint32, v address) address {
	if v.origin == 0 {
		v = a.fresh(false)
	}
	a.locals[i] = local{v, a.here()}
	return v
}

// sum returns the address of x plus y.
func sum(x, y address) address {
	switch {
	case y.origin == zero:
		return x.plus(y.offset)
	case x.origin == zero:
		return y.plus(x.offset)
	}
	return address{}
}

// step processes an instruction, whose indices have been checked.
func (a *addresses) step(in *wasm.Instruction) {
	switch op := in.Op; op {
	case wasm.OpNop:
	case wasm.OpBlock, wasm.OpIf:
		a.open(false)
	case wasm.OpLoop:
		a.open(true)
	case wasm.OpElse:
		a.blocks = a.blocks[:len(a.blocks)-1]
		a.open(false)
	case wasm.OpEnd:
		a.blocks = a.blocks[:len(a.blocks)-1]
		a.operands = a.operands[:0]
	case wasm.OpBrIf, wasm.OpDrop, wasm.OpGlobalSet:
		a.pop()
	case wasm.OpLocalGet:
		a.push(a.get(in.Index))
	case wasm.OpLocalSet:
		a.set(in.Index, a.pop())
	case wasm.OpLocalTee:
		a.push(a.set(in.Index, a.pop()))
	case wasm.OpGlobalGet:
		a.push(a.fresh(a.pointers[in.Index]))
	case wasm.OpI32Const, wasm.OpI64Const:
		a.push(address{zero, in.Index})
	case wasm.OpI32Add, wasm.OpI64Add:
		y, x := a.pop(), a.pop()
		a.push(sum(x, y))
	case wasm.OpI32Sub, wasm.OpI64Sub:
		y, x := a.pop(), a.pop()
		if y.origin == zero {
			a.push(x.plus(-y.offset))
		} else {
			a.push(address{})
		}
	case wasm.OpI32WrapI64, wasm.OpI64ExtendS, wasm.OpI64ExtendU:
	default:
		a.other(op)
	}
}

// other processes an instruction with a result of which nothing is known.
func (a *addresses) other(op wasm.Opcode) {
	switch {
	case op >= wasm.OpI32Load && op < wasm.OpI32Store:
		a.pop()
		a.push(address{})
	case op >= wasm.OpI32Store && op <= wasm.OpI64Store32:
		a.pop()
		a.pop()
	case op >= 0x45 && op <= 0xc4: // arithmetic and conversions
		if isBinary(op) {
			a.pop()
		}
		a.pop()
		a.push(address{})
	default:
		a.operands = a.operands[:0]
	}
}
