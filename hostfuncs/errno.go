package hostfuncs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// adapt makes a host function out of f: one that never panics, whatever the
// guest passes, and that answers abi.Internal where f fails by a bug of ours.
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
		f.call(c, memory{mod.Memory(), c}, stack)
		c.charge(f.cost)
	})
}

// failed reports a panic of a host function, which is a bug of the host's.
func (c *Call) failed(f function, stack []uint64, r any) {
	fail(stack, f, abi.Internal)
	if c != nil && c.Services != nil {
		c.Services.Log(c.Context(), slog.LevelError, fmt.Sprintf("host function %s failed, which is a bug of the host: %v\n%s", f.name, r, debug.Stack()))
	}
}

func fail(stack []uint64, f function, e abi.Errno) {
	switch {
	case len(f.results) == 0:
	case f.results[0] == i64:
		stack[0] = negative(e)
	default:
		stack[0] = uint64(e)
	}
}

// negative is the i64 that says why there is no length.
func negative(e abi.Errno) uint64 { return uint64(-int64(e)) }

// answer is the i64 of a function that answers size bytes if it found them.
func answer(size int, found bool) uint64 {
	if !found {
		return negative(abi.NotFound)
	}
	return uint64(size)
}

// errnoOf finds the errno in an error of the Services.
func errnoOf(err error) abi.Errno {
	var e abi.Errno
	switch {
	case err == nil:
		return abi.OK
	case errors.As(err, &e) && e != abi.OK:
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return abi.Timeout
	default:
		return abi.Internal
	}
}
