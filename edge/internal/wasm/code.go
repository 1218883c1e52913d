package wasm

// Body is the code of a function, without its size in the code section.
type Body struct {
	Bytes []byte // declarations of locals, then instructions
	base  int    // offset in the module that it was read from
}

func readBody(r *reader) Body {
	at := r.at
	size := r.u32()
	if size > maxBody {
		r.fail(ErrLimit, at, "a function of at most 7,654,321 bytes", "more")
	}
	base := r.base + r.at
	return Body{Bytes: r.bytes(size), base: base}
}

func (b Body) append(dst []byte) []byte {
	return append(AppendU32(dst, uint32(len(b.Bytes))), b.Bytes...)
}

// Locals returns the number of locals that a body declares, without parameters.
func (b Body) Locals() (int, error) {
	r := b.reader()
	n := r.locals()
	return n, r.failure()
}

// LocalTypes returns one type for each declaration of locals.
func (b Body) LocalTypes() []ValType {
	r := b.reader()
	n := r.count(2, maxLocals)
	types := make([]ValType, 0, n)
	for range n {
		r.u32()
		types = append(types, r.byte())
	}
	return types
}

// Instructions returns an iterator over the body's instructions.
func (b Body) Instructions() Instructions {
	r := b.reader()
	r.locals()
	code := reader{b: r.b[r.at:], base: r.base + r.at, section: r.section, err: r.err}
	return Instructions{r: code, depth: 1}
}

func (b Body) reader() reader { return reader{b: b.Bytes, base: b.base, section: SectionCode} }

func (r *reader) locals() int {
	total := 0
	for range r.count(2, maxLocals) {
		at := r.at
		n := r.u32()
		r.valType()
		if r.err == nil && uint64(total)+uint64(n) > maxLocals {
			r.fail(ErrLimit, at, "at most 50,000 locals in a function", "more")
		}
		if r.err != nil {
			return 0
		}
		total += int(n)
	}
	return total
}
