package wasm

// Func is the declaration of a function that has a body: the index of its type.
type Func uint32

func readFunc(r *reader) Func { return Func(r.u32()) }

func (f Func) append(dst []byte) []byte { return AppendU32(dst, uint32(f)) }
