package wasm

import "fmt"

// ValType is the type of a value. It is an alias, so that bytes of a module can be
// used as a list of types.
type ValType = byte

// Types of core Wasm 2.0.
const (
	I32       ValType = 0x7f
	I64       ValType = 0x7e
	F32       ValType = 0x7d
	F64       ValType = 0x7c
	V128      ValType = 0x7b
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6f
)

// TypeName returns the name of a type in the text format.
func TypeName(t ValType) string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	}
	return fmt.Sprintf("type %#x", t)
}

func (r *reader) valType() ValType {
	t := r.byte()
	r.checkType(t, r.at-1)
	return t
}

func (r *reader) checkType(t ValType, at int) {
	switch {
	case r.err != nil || t >= V128 && t <= I32 || t == FuncRef || t == ExternRef:
	case t >= 0x63 && t <= 0x74:
		r.unsupported(at, "a type of core Wasm 2.0", fmt.Sprintf("%#x", t), gc)
	default:
		r.malformedf(at, "a type", "%#x", t)
	}
}

func (r *reader) refType() ValType {
	at := r.at
	t := r.valType()
	if r.err == nil && t != FuncRef && t != ExternRef {
		r.malformedf(at, "funcref or externref", "%s", TypeName(t))
	}
	return t
}

// valTypes reads a list of types, which shares the module's memory.
func (r *reader) valTypes() []ValType {
	n := r.count(1, maxArity)
	start := r.at
	types := r.bytes(uint32(n))
	for i, t := range types {
		r.checkType(t, start+i)
	}
	return types
}
