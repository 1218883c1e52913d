package wasm

// Mode determines when a segment is copied to its table or memory.
type Mode byte

// Modes of element and data segments.
const (
	Active      Mode = iota // at instantiation
	Passive                 // by an instruction
	Declarative             // never: it only declares functions that ref.func may use
)

// Element is an element segment: references that initialise a table, either in
// Funcs or in Exprs.
type Element struct {
	Mode   Mode
	Table  uint32 // Active
	Offset Expr   // Active
	Type   ValType
	Funcs  []uint32
	Exprs  []Expr
}

// Bits of the flags that an element segment starts with.
const (
	elemNotActive = 1 << 0
	elemExplicit  = 1 << 1 // with a table index, or declarative
	elemExprs     = 1 << 2
)

func readElement(r *reader) Element {
	at := r.at
	flags := r.u32()
	if flags > 7 {
		r.malformedf(at, "an element segment of kind 0 to 7", "%d", flags)
		return Element{}
	}
	e := Element{Type: FuncRef}
	switch {
	case flags&elemNotActive == 0:
		if flags&elemExplicit != 0 {
			e.Table = r.u32()
		}
		e.Offset = readExpr(r)
	case flags&elemExplicit != 0:
		e.Mode = Declarative
	default:
		e.Mode = Passive
	}
	typed := flags&(elemNotActive|elemExplicit) != 0
	if flags&elemExprs != 0 {
		if typed {
			e.Type = r.refType()
		}
		n := r.count(2, maxElements)
		e.Exprs = make([]Expr, 0, n)
		for i := 0; i < n && r.err == nil; i++ {
			e.Exprs = append(e.Exprs, readExpr(r))
		}
		return e
	}
	if typed {
		if at, kind := r.at, r.byte(); kind != 0 {
			r.malformedf(at, "element kind 0", "%#x", kind)
		}
	}
	n := r.count(1, maxElements)
	e.Funcs = make([]uint32, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		e.Funcs = append(e.Funcs, r.u32())
	}
	return e
}

func (e Element) append(dst []byte) []byte {
	var flags uint32
	if e.Exprs != nil {
		flags = elemExprs
	}
	switch {
	case e.Mode == Passive:
		flags |= elemNotActive
	case e.Mode == Declarative:
		flags |= elemNotActive | elemExplicit
	case e.Table != 0 || e.Type != FuncRef:
		flags |= elemExplicit
	}
	dst = AppendU32(dst, flags)
	if e.Mode == Active {
		if flags&elemExplicit != 0 {
			dst = AppendU32(dst, e.Table)
		}
		dst = append(dst, e.Offset...)
	}
	typed := flags&(elemNotActive|elemExplicit) != 0
	if e.Exprs != nil {
		if typed {
			dst = append(dst, e.Type)
		}
		dst = AppendU32(dst, uint32(len(e.Exprs)))
		for _, x := range e.Exprs {
			dst = append(dst, x...)
		}
		return dst
	}
	if typed {
		dst = append(dst, 0)
	}
	dst = AppendU32(dst, uint32(len(e.Funcs)))
	for _, f := range e.Funcs {
		dst = AppendU32(dst, f)
	}
	return dst
}
