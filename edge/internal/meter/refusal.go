package meter

import (
	"errors"
	"fmt"
)

// ErrRefused is in the chain of every Refusal.
var ErrRefused = errors.New("guest refused")

// Refusal is why a guest cannot be metered or reset. The guest is valid Wasm, but not
// safe to run here; an invalid module is a *wasm.Error.
type Refusal struct {
	Function int // index of the function; -1 if it concerns the module
	Offset   int // of the instruction in the module, if there is a Function
	Expected string
	Found    string
}

// Error returns one line with all fields.
func (e *Refusal) Error() string {
	where := "module"
	if e.Function >= 0 {
		where = fmt.Sprintf("function %d, offset %#x", e.Function, e.Offset)
	}
	return fmt.Sprintf("meter: guest refused: %s: expected %s, found %s", where, e.Expected, e.Found)
}

// Unwrap returns ErrRefused.
func (e *Refusal) Unwrap() error { return ErrRefused }

// refuse returns a Refusal that concerns the module.
func refuse(expected, format string, args ...any) error {
	return &Refusal{Function: -1, Expected: expected, Found: fmt.Sprintf(format, args...)}
}
