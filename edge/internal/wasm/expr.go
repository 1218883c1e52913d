package wasm

import "fmt"

// Expr is an encoded constant expression, including its end: the value of a
// global, an offset, or an element.
type Expr []byte

// I32Const returns the expression i32.const v.
func I32Const(v int32) Expr { return append(AppendS32([]byte{byte(OpI32Const)}, v), byte(OpEnd)) }

// I64Const returns the expression i64.const v.
func I64Const(v int64) Expr { return append(AppendS64([]byte{byte(OpI64Const)}, v), byte(OpEnd)) }

// RefFunc returns the expression ref.func i.
func RefFunc(i uint32) Expr { return append(AppendU32([]byte{byte(OpRefFunc)}, i), byte(OpEnd)) }

// I32 returns the value of e if it is an i32.const.
func (e Expr) I32() (int32, bool) {
	if len(e) == 0 || e[0] != byte(OpI32Const) {
		return 0, false
	}
	r := reader{b: e, at: 1}
	v := r.signed(32)
	return int32(v), r.err == nil
}

// RefFunc returns the index of the function if e is a ref.func.
func (e Expr) RefFunc() (uint32, bool) { return e.index(OpRefFunc) }

// GlobalGet returns the index of the global if e is a global.get.
func (e Expr) GlobalGet() (uint32, bool) { return e.index(OpGlobalGet) }

func (e Expr) index(op Opcode) (uint32, bool) {
	if len(e) == 0 || e[0] != byte(op) {
		return 0, false
	}
	r := reader{b: e, at: 1}
	i := r.u32()
	return i, r.err == nil
}

// readExpr reads one constant instruction and an end: core Wasm 2.0 allows no
// other constant expressions.
func readExpr(r *reader) Expr {
	start := r.at
	switch op := r.byte(); Opcode(op) {
	case OpI32Const:
		r.signed(32)
	case OpI64Const:
		r.signed(64)
	case OpF32Const:
		r.bytes(4)
	case OpF64Const:
		r.bytes(8)
	case OpGlobalGet, OpRefFunc:
		r.u32()
	case OpRefNull:
		r.refType()
	case prefixSIMD:
		if sub := r.u32(); sub != uint32(OpV128Const&0xfff) {
			r.malformedf(start, "a constant instruction", "SIMD instruction %d", sub)
		}
		r.bytes(16)
	default:
		r.malformedf(start, "a constant instruction", "opcode %#x", op)
	}
	at := r.at
	if end := r.byte(); r.err == nil && end != byte(OpEnd) {
		r.unsupported(at, "the end of a constant expression of one instruction", fmt.Sprintf("opcode %#x", end), extendedConst)
	}
	if r.err != nil {
		return nil
	}
	return Expr(r.b[start:r.at:r.at])
}
