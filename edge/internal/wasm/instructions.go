package wasm

import "fmt"

// Instruction is an instruction of a function body. Positions are offsets in
// Instructions.Code.
type Instruction struct {
	Op    Opcode
	Start int // of the opcode
	Imm   int // of the immediates; End if there are none
	End   int // after the instruction

	// Index is the first index: of a label, function, local, global, table or
	// segment, or of the type of call_indirect and blocks (NoIndex if the type of
	// a block is inline). For i32.const and i64.const it is the lower 32 bits of the
	// constant, for instructions that access memory the offset.
	Index uint32
	// Index2 is the second index: the table of call_indirect and table.init, the
	// source table of table.copy.
	Index2 uint32
}

// NoIndex is the Index of a block whose type is inline.
const NoIndex = ^uint32(0)

// Instructions iterates over the instructions of a function body. It does not
// allocate, and its only state is the position and the depth.
//
//	for in, it := (wasm.Instruction{}), body.Instructions(); it.Next(&in); {
//		…
//	}
//	if err := it.Err(); err != nil { … }
type Instructions struct {
	r     reader
	depth int // of open blocks; the function itself is one
}

// Code returns the bytes of the instructions.
func (it *Instructions) Code() []byte { return it.r.b }

// Depth returns the number of open blocks after the last instruction of Next,
// including the function.
func (it *Instructions) Depth() int { return it.depth }

// Offset converts a position in Code to an offset in the module.
func (it *Instructions) Offset(at int) int { return it.r.base + at }

// Err returns the *Error that ended the iteration, or nil.
func (it *Instructions) Err() error {
	if it.r.err == nil {
		return nil
	}
	return it.r.err
}

// Next reads the next instruction. It returns false after the end of the function,
// which must be the last byte, and at the first error.
//
// Two rules are stricter than the specification, because wazero accepts less than
// the specification, and a rewriter must see the same instructions as the engine:
// numbers of SIMD instructions must be in their shortest form, and block types
// that are not an index must be a single byte.
func (it *Instructions) Next(in *Instruction) bool {
	r := &it.r
	if it.depth == 0 || r.err != nil {
		r.done()
		return false
	}
	*in = Instruction{Start: r.at}
	op := Opcode(r.byte())
	imm := immediates[op]
	switch op {
	case prefixMisc:
		op, imm = r.misc()
	case prefixSIMD:
		op, imm = r.simd()
	}
	in.Op, in.Imm = op, r.at
	if imm == immUnknown && r.err == nil {
		if p := proposalOf(op); p != "" {
			r.unsupported(in.Start, "an instruction of core Wasm 2.0", fmt.Sprintf("opcode %#x", uint32(op)), p)
		}
		r.malformedf(in.Start, "an instruction", "opcode %#x", uint32(op))
	}
	r.immediates(imm, in)
	in.End = r.at
	switch op {
	case OpBlock, OpLoop, OpIf:
		if it.depth++; it.depth > maxNesting && r.err == nil {
			r.fail(ErrLimit, in.Start, fmt.Sprintf("at most %d nested blocks", maxNesting), "more")
		}
	case OpEnd:
		it.depth--
	}
	return r.err == nil
}

// misc reads the number after 0xfc.
func (r *reader) misc() (Opcode, immediate) {
	at := r.at
	n := r.u32()
	if n >= uint32(len(miscImmediates)) {
		r.unsupported(at, "an instruction of core Wasm 2.0", fmt.Sprintf("0xfc %#x", n), proposalOfMisc(n))
		return misc, immUnknown
	}
	return misc | Opcode(n), miscImmediates[n]
}

// simd reads the number after 0xfd. wazero reads one byte of it, and takes a
// second byte for a nop.
func (r *reader) simd() (Opcode, immediate) {
	at := r.at
	n := r.byte()
	if n >= 0x80 {
		if high := r.byte(); r.err == nil && high != 1 {
			r.unsupported(at, "a SIMD instruction of core Wasm 2.0 in its shortest form", fmt.Sprintf("0xfd %#x %#x", n, high), proposalOfSIMD(high))
			return simd, immUnknown
		}
	}
	return simd | Opcode(n), simdImmediate(n)
}

func (r *reader) immediates(imm immediate, in *Instruction) {
	switch imm {
	case immIndex:
		in.Index = r.u32()
	case immIndex2:
		in.Index, in.Index2 = r.u32(), r.u32()
	case immMemArg:
		in.Index = r.memArg()
	case immI32:
		in.Index = uint32(r.signed(32))
	case immI64:
		in.Index = uint32(r.signed(64))
	case imm4:
		r.bytes(4)
	case imm8:
		r.bytes(8)
	case imm16:
		r.bytes(16)
	case immBlock:
		in.Index = r.blockType()
	case immLabels:
		for n := r.count(1, maxBody); n >= 0 && r.err == nil; n-- { // and the default
			r.u32()
		}
	case immTypes:
		if at, n := r.at, r.byte(); n != 1 {
			r.malformedf(at, "one type", "%d", n)
		}
		r.valType()
	case immRef:
		r.refType()
	case immMemory:
		r.memory()
	case immMemory2:
		r.memory()
		r.memory()
	case immInit:
		in.Index = r.u32()
		r.memory()
	case immLane:
		r.byte()
	case immMemLane:
		in.Index = r.memArg()
		r.byte()
	}
}

// memArg reads an alignment and returns the offset that follows.
func (r *reader) memArg() uint32 {
	at := r.at
	if align := r.u32(); align >= 32 {
		r.unsupported(at, "an alignment", fmt.Sprintf("%#x", align), multiMemory)
	}
	return r.u32()
}

func (r *reader) memory() {
	at := r.at
	if m := r.byte(); m != 0 && r.err == nil {
		r.unsupported(at, "memory 0", fmt.Sprintf("%#x", m), multiMemory)
	}
}

func (r *reader) blockType() uint32 {
	at := r.at
	if at < len(r.b) && r.b[at]&0xc0 == 0x40 { // a negative number of one byte
		if r.at++; r.b[at] != 0x40 {
			r.checkType(r.b[at], at)
		}
		return NoIndex
	}
	i := r.signed(33)
	if i < 0 {
		r.malformedf(at, "a block type", "a negative index")
	}
	return uint32(i)
}

// Labels iterates over the targets of a br_table; the default is the last.
type Labels struct {
	r    reader
	left int
}

// Labels returns the targets of in, which must be a br_table and the last
// instruction of Next.
func (it *Instructions) Labels(in *Instruction) Labels {
	r := reader{b: it.r.b[:in.End], at: in.Imm}
	return Labels{left: int(r.u32()) + 1, r: r}
}

// Next returns the next target, or false after the last.
func (l *Labels) Next() (label uint32, ok bool) {
	if l.left == 0 {
		return 0, false
	}
	l.left--
	return l.r.u32(), true
}
