package meter

import (
	"errors"
	"fmt"
)

// ErrRefused is what every Refusal matches.
var ErrRefused = errors.New("guest refused")

// Refusal says why a guest cannot be metered, or not be put back into a former
// state: it is valid Wasm, but not of the kind that is safe here. Modules that
// are not valid to begin with give a *wasm.Error.
type Refusal struct {
	Function int // index of the function that it is about, -1 for none
	Offset   int // of the instruction in the module, with Function
	Expected string
	Found    string
}

// Error returns one line with all that is known.
func (e *Refusal) Error() string {
	where := "module"
	if e.Function >= 0 {
		where = fmt.Sprintf("function %d, offset %#x", e.Function, e.Offset)
	}
	return fmt.Sprintf("meter: guest refused: %s: expected %s, found %s", where, e.Expected, e.Found)
}

// Unwrap returns ErrRefused.
func (e *Refusal) Unwrap() error { return ErrRefused }

// refuse is for what is wrong with the module as a whole.
func refuse(expected, format string, args ...any) error {
	return &Refusal{Function: -1, Expected: expected, Found: fmt.Sprintf(format, args...)}
}
