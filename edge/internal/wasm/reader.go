package wasm

import (
	"fmt"
	"unicode/utf8"
)

// reader reads a module or a part of it. After the first failure all reads return
// zero, so that callers check for an error once, at the end.
type reader struct {
	b       []byte
	at      int
	base    int // offset of b in the module
	section SectionID
	err     *Error
}

// sub skips the next n bytes, and returns a reader for them.
func (r *reader) sub(n uint32) reader {
	at := r.base + r.at
	return reader{b: r.bytes(n), base: at, section: r.section, err: r.err}
}

func (r *reader) left() int { return len(r.b) - r.at }

func (r *reader) byte() byte {
	if r.err != nil {
		return 0
	}
	if r.at >= len(r.b) {
		r.malformedf(r.at, "another byte", "the end")
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

// bytes returns the next n bytes, which share the module's memory.
func (r *reader) bytes(n uint32) []byte {
	if r.err != nil {
		return nil
	}
	if uint64(n) > uint64(r.left()) {
		r.fail(ErrMalformed, r.at, fmt.Sprintf("%d bytes", n), fmt.Sprintf("%d", r.left()))
		return nil
	}
	r.at += int(n)
	return r.b[r.at-int(n) : r.at : r.at]
}

// count reads a number of entries of at least size bytes each. It fails if the
// remaining bytes cannot hold them, or if there are more than max.
func (r *reader) count(size, max int) int {
	start := r.at
	n := r.u32()
	if r.err != nil {
		return 0
	}
	if uint64(n)*uint64(size) > uint64(r.left()) {
		r.fail(ErrMalformed, start, fmt.Sprintf("at most %d entries in the remaining %d bytes", r.left()/size, r.left()), fmt.Sprint(n))
		return 0
	}
	if uint64(n) > uint64(max) {
		r.fail(ErrLimit, start, fmt.Sprintf("at most %d entries", max), fmt.Sprint(n))
		return 0
	}
	return int(n)
}

func (r *reader) name() string {
	start := r.at
	b := r.bytes(r.u32())
	if !utf8.Valid(b) {
		r.malformedf(start, "a name in UTF-8", "other bytes")
		return ""
	}
	return string(b)
}

// done fails if there are remaining bytes.
func (r *reader) done() {
	if r.err == nil && r.left() > 0 {
		r.fail(ErrMalformed, r.at, "the end", fmt.Sprintf("%d more bytes", r.left()))
	}
}

func (r *reader) fail(kind error, at int, expected, found string) {
	if r.err == nil {
		r.err = &Error{Kind: kind, Section: r.section, Offset: r.base + at, Expected: expected, Found: found}
	}
}

// unsupported records that the module uses a proposal after core Wasm 2.0.
func (r *reader) unsupported(at int, expected, found string, p proposal) {
	if r.err == nil {
		r.fail(ErrUnsupported, at, expected, fmt.Sprintf("%s (%s)", found, p))
		r.err.Remedy = p.remedy()
	}
}

// malformedf records a failure. It formats found only if there is none already.
func (r *reader) malformedf(at int, expected, found string, args ...any) {
	if r.err == nil {
		r.fail(ErrMalformed, at, expected, fmt.Sprintf(found, args...))
	}
}

// failure returns the first failure as an error.
func (r *reader) failure() error {
	if r.err == nil {
		return nil
	}
	return r.err
}
