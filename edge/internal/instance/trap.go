package instance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero/sys"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// ErrTrap is in the chain of the error of every call that the guest did not
// complete, or whose reply is invalid.
var ErrTrap = errors.New("guest failed")

// ErrTooLarge: a message does not fit the guest's buffer.
var ErrTooLarge = errors.New("request too large to route")

// Trap is the error of a call that failed because of the guest. Its text is for
// logs.
type Trap struct {
	Export string
	Reason stats.Trap
	Fuel   uint64 // used by the call
	// Printed is what the guest logged and printed in the call. It is not part of the
	// text, since the log has it as a record of its own.
	Printed string
	Err     error
}

func (t *Trap) Error() string {
	return fmt.Sprintf("%v: %s: %s: %v", ErrTrap, t.Export, t.Reason, t.Err)
}

// Unwrap returns the cause.
func (t *Trap) Unwrap() error { return t.Err }

// Is reports whether target is ErrTrap.
func (t *Trap) Is(target error) bool { return target == ErrTrap }

// trapped returns the Trap for a failed call of an export.
func (i *Instance) trapped(export string, err error) error {
	t := &Trap{Export: export, Reason: stats.TrapCrash, Fuel: i.fuel.Get(), Err: shorten(err)}
	var exit *sys.ExitError
	switch {
	case i.stopped != "":
		t.Reason = i.stopped
		t.Err = i.stopCause()
	case i.depth.Get() > i.program.metered.MaxDepth, overflowed(err):
		t.Reason = stats.TrapDepth
		t.Err = fmt.Errorf("its stack is full: expected at most %d frames; look for an endless recursion", i.program.metered.MaxDepth)
	case i.overgrown():
		t.Reason = stats.TrapMemory
	case errors.As(err, &exit):
		t.Reason = stats.TrapExit
		t.Err = fmt.Errorf("it exited with code %d: expected it to return", exit.ExitCode())
	}
	return t
}

// maxTrace bounds wazero's text of a trap, in bytes: one line of its stack
// trace may have the types of 2,000 parameters and results.
const maxTrace = 4 << 10

// shorten truncates the text of err to maxTrace, and removes the last frame of its
// stack trace if that is the meter's.
func shorten(err error) error {
	text := err.Error()
	if last := strings.LastIndex(text, "\n\t"); last >= 0 && strings.HasPrefix(text[last:], "\n\t."+meter.ExportKept) {
		text = text[:last]
	}
	switch {
	case len(text) > maxTrace:
		return &shortened{strings.ToValidUTF8(text[:maxTrace], "") + " …", err}
	case len(text) < len(err.Error()):
		return &shortened{text, err}
	}
	return err
}

type shortened struct {
	text string
	err  error
}

func (s *shortened) Error() string { return s.text }
func (s *shortened) Unwrap() error { return s.err }

// overflowed reports whether wazero's own stack was exhausted before the
// guest's limit of frames: the guest's frames are larger than the meter
// assumes.
func overflowed(err error) bool {
	return strings.HasPrefix(strings.TrimPrefix(err.Error(), "wasm error: "), "stack overflow")
}

func (i *Instance) stopCause() error {
	switch i.stopped {
	case stats.TrapFuel:
		return fmt.Errorf("expected at most %d units of fuel; look for an endless loop%s", i.budget, i.moreFuel())
	case stats.TrapCancelled:
		return context.Canceled
	default:
		return context.DeadlineExceeded
	}
}

// moreFuel returns how to allow more fuel, if that is possible.
func (i *Instance) moreFuel() string {
	if i.budget == setupFuel {
		return ""
	}
	return ", or raise limits.guest.fuel of the configuration"
}

// overgrown reports whether the guest has grown its memory beyond half of its
// limit. Whether a further growth failed cannot be observed.
func (i *Instance) overgrown() bool {
	size := uint64(i.module.Memory().Size())
	start := uint64(i.program.metered.MinMemory) * wasm.PageSize
	if i.program.image != nil {
		start = uint64(i.program.image.Size())
	}
	return size > start && size > uint64(i.program.metered.MaxMemory)*wasm.PageSize/2
}

func badReply(e Export, format string, args ...any) error {
	return &Trap{Export: exportSpecs[e].name, Reason: stats.TrapReply, Err: fmt.Errorf(format, args...)}
}

// InvalidReply returns the Trap for a reply that is a message but has an invalid
// value, with the reason err.
func InvalidReply(e Export, err error) error {
	return &Trap{Export: exportSpecs[e].name, Reason: stats.TrapReply, Err: err}
}
