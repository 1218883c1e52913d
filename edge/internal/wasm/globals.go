package wasm

// GlobalType is the type of a global variable.
type GlobalType struct {
	Type    ValType
	Mutable bool
}

func readGlobalType(r *reader) GlobalType {
	t := GlobalType{Type: r.valType()}
	switch at, m := r.at, r.byte(); m {
	case 0:
	case 1:
		t.Mutable = true
	default:
		r.malformedf(at, "mutability 0 or 1", "%#x", m)
	}
	return t
}

func (t GlobalType) append(dst []byte) []byte {
	if t.Mutable {
		return append(dst, t.Type, 1)
	}
	return append(dst, t.Type, 0)
}

// Global is a global variable and its initial value.
type Global struct {
	GlobalType
	Init Expr
}

func readGlobal(r *reader) Global { return Global{readGlobalType(r), readExpr(r)} }

func (g Global) append(dst []byte) []byte { return append(g.GlobalType.append(dst), g.Init...) }
