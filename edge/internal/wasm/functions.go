package wasm

// Func is the index of the type of a function that the module defines.
type Func uint32

func readFunc(r *reader) Func { return Func(r.u32()) }

func (f Func) append(dst []byte) []byte { return AppendU32(dst, uint32(f)) }
