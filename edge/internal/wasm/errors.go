package wasm

import (
	"errors"
	"fmt"
)

// Kinds of an Error, for errors.Is.
var (
	// ErrMalformed: the bytes are not a Wasm module.
	ErrMalformed = errors.New("malformed module")
	// ErrUnsupported: the module uses a proposal after core Wasm 2.0.
	ErrUnsupported = errors.New("unsupported feature")
	// ErrLimit: the module exceeds a limit; see limits.go.
	ErrLimit = errors.New("over an implementation limit")
)

// Error is an error at an offset of a module.
type Error struct {
	Kind     error     // ErrMalformed, ErrUnsupported or ErrLimit
	Section  SectionID // SectionNone before the first section
	Offset   int       // from the start of the module
	Expected string
	Found    string
	Remedy   string // what to do; empty where only the toolchain could be wrong
}

// Error returns all fields in one line.
func (e *Error) Error() string {
	where := ""
	if e.Section != SectionNone {
		where = fmt.Sprintf("%v section, offset %#x: ", e.Section, e.Offset)
	}
	text := fmt.Sprintf("wasm: %v: %sexpected %s, found %s", e.Kind, where, e.Expected, e.Found)
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Unwrap returns e.Kind.
func (e *Error) Unwrap() error { return e.Kind }
