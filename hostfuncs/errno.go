package hostfuncs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime/debug"
	"syscall"

	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// adapt returns f as a host function for wazero. If f panics, the guest gets
// abi.Internal; only errStopped passes and ends the guest's call.
func adapt(f function) api.GoModuleFunction {
	return api.GoModuleFunc(func(ctx context.Context, mod api.Module, stack []uint64) {
		c := callOf(ctx)
		defer func() {
			switch r := recover(); r {
			case nil:
			case errStopped:
				panic(r)
			default:
				c.failed(f, stack, r)
			}
		}()
		if c == nil || c.Services == nil {
			fail(stack, f, abi.Internal)
			return
		}
		c.calls++
		f.call(c, memory{mod.Memory(), c}, stack)
		c.charge(f.cost)
	})
}

// failed logs a panic of f with its stack, and sets the result to abi.Internal.
func (c *Call) failed(f function, stack []uint64, r any) {
	fail(stack, f, abi.Internal)
	if c != nil && c.Services != nil {
		c.Services.Log(c.Context(), slog.LevelError, fmt.Sprintf("host function %s panicked, which is a bug in the host: %v\n%s", f.name, r, debug.Stack()))
	}
}

// fail sets the result of f to e.
func fail(stack []uint64, f function, e abi.Errno) {
	switch {
	case len(f.results) == 0:
	case f.results[0] == i64:
		stack[0] = negative(e)
	default:
		stack[0] = uint64(e)
	}
}

// negative returns e as a negative i64, for functions that return a length.
func negative(e abi.Errno) uint64 { return uint64(-int64(e)) }

// ErrnoTable maps errors to the errnos that guests get for them.
type ErrnoTable []struct {
	Err   error
	Errno abi.Errno
}

// Wrap returns err with the errno of the first entry that err matches, by
// [errors.Is], added to its chain. It returns err itself if no entry matches.
func (t ErrnoTable) Wrap(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := t.find(err); ok {
		return fmt.Errorf("%w: %w", e, err)
	}
	return err
}

func (t ErrnoTable) find(err error) (abi.Errno, bool) {
	for _, entry := range t {
		if errors.Is(err, entry.Err) {
			return entry.Errno, true
		}
	}
	return abi.OK, false
}

// FileErrnos holds the errnos of the standard library's errors about files.
var FileErrnos = ErrnoTable{
	{syscall.ENOSPC, abi.Limit},
	{syscall.EISDIR, abi.Invalid},
	{syscall.ENOTEMPTY, abi.Invalid},
	{syscall.ENAMETOOLONG, abi.Invalid},
	{syscall.ENOTDIR, abi.NotFound},
	{fs.ErrNotExist, abi.NotFound},
	{fs.ErrInvalid, abi.Invalid},
	{fs.ErrPermission, abi.Denied},
}

// ErrnoOf returns the abi.Errno in the chain of err, else the one that known
// maps err to, else abi.Timeout for an error of a context, else abi.Internal.
func ErrnoOf(err error, known ErrnoTable) abi.Errno {
	if err == nil {
		return abi.OK
	}
	var e abi.Errno
	if errors.As(err, &e) && e != abi.OK {
		return e
	}
	if e, ok := known.find(err); ok {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return abi.Timeout
	}
	return abi.Internal
}
