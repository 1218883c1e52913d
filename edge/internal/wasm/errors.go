package wasm

import (
	"errors"
	"fmt"
)

// What an Error matches with errors.Is.
var (
	// ErrMalformed: the bytes are no Wasm module.
	ErrMalformed = errors.New("malformed module")
	// ErrUnsupported: a module past core Wasm 2.0.
	ErrUnsupported = errors.New("unsupported feature")
	// ErrLimit: a module larger than this package handles; see limits.go.
	ErrLimit = errors.New("over an implementation limit")
)

// Error says where in a module which bytes were expected and what was found.
type Error struct {
	Kind     error     // ErrMalformed, ErrUnsupported or ErrLimit
	Section  SectionID // SectionNone before the first one
	Offset   int       // from the start of the module
	Expected string
	Found    string
}

// Error returns one line with all that is known.
func (e *Error) Error() string {
	return fmt.Sprintf("wasm: %v: %v section, offset %#x: expected %s, found %s", e.Kind, e.Section, e.Offset, e.Expected, e.Found)
}

// Unwrap returns e.Kind.
func (e *Error) Unwrap() error { return e.Kind }
