package wasm

// Data is a data segment: bytes that initialise a memory.
type Data struct {
	Mode   Mode // Active or Passive
	Offset Expr // Active
	Bytes  []byte
}

func readData(r *reader) Data {
	at := r.at
	var d Data
	switch kind := r.u32(); kind {
	case 0:
		d.Offset = readExpr(r)
	case 1:
		d.Mode = Passive
	case 2:
		if at, memory := r.at, r.u32(); memory != 0 {
			r.unsupported(at, "memory 0", "another one", multiMemory)
		}
		d.Offset = readExpr(r)
	default:
		r.malformedf(at, "a data segment of kind 0 to 2", "%d", kind)
	}
	d.Bytes = r.bytes(r.u32())
	return d
}

func (d Data) append(dst []byte) []byte {
	if d.Mode == Passive {
		dst = append(dst, 1)
	} else {
		dst = append(append(dst, 0), d.Offset...)
	}
	return append(AppendU32(dst, uint32(len(d.Bytes))), d.Bytes...)
}
