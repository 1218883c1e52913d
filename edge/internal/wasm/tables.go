package wasm

// Table is a table of references.
type Table struct {
	Type   ValType // FuncRef or ExternRef
	Limits Limits
}

func readTable(r *reader) Table {
	if r.left() > 0 && r.b[r.at] == 0x40 {
		r.unsupported(r.at, "a table of references", "a table with an initial value", functionRefs)
	}
	return Table{Type: r.refType(), Limits: readLimits(r)}
}

func (t Table) append(dst []byte) []byte { return t.Limits.append(append(dst, t.Type)) }
