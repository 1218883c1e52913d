package wasm

// Type is the type of a function; each byte is a ValType.
type Type struct {
	Params  []ValType
	Results []ValType
}

func readType(r *reader) Type {
	at := r.at
	switch form := r.byte(); form {
	case 0x60:
		return Type{Params: r.valTypes(), Results: r.valTypes()}
	case 0x4e, 0x4f, 0x50, 0x5e, 0x5f:
		r.unsupported(at, "a function type (0x60)", "a structure, array or recursive type", gc)
	default:
		r.malformedf(at, "a function type (0x60)", "%#x", form)
	}
	return Type{}
}

func (t Type) append(dst []byte) []byte {
	dst = AppendU32(append(dst, 0x60), uint32(len(t.Params)))
	dst = append(dst, t.Params...)
	dst = AppendU32(dst, uint32(len(t.Results)))
	return append(dst, t.Results...)
}
