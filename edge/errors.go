package edge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

// RouteError is a request that is not served by a tenant: what was answered,
// and why. The reason and the cause are for logs; a client sees neither.
type RouteError struct {
	Status    int
	Outcome   Outcome // zero where the guest did not decide
	Reason    string
	RequestID string // given to the client, so that the log line can be found; only for 5xx
	Err       error
}

func (e *RouteError) Error() string {
	s := fmt.Sprintf("edge: %d %s", e.Status, http.StatusText(e.Status))
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *RouteError) Unwrap() error { return e.Err }

// ErrUnknownTenant says that there is no tenant of a schema.
var ErrUnknownTenant = errors.New("edge: unknown tenant")

// TrapReason says in what way a guest failed.
type TrapReason = instance.Reason

// The reasons of a GuestError.
const (
	TrapFuel      = instance.OutOfFuel   // it used up its fuel: an endless loop, say
	TrapDeadline  = instance.Deadline    // its time, or that of the request, was over
	TrapCancelled = instance.Cancelled   // nobody waited for the answer any more
	TrapDepth     = instance.StackDepth  // its stack was full: a recursion
	TrapMemory    = instance.OutOfMemory // it failed with most of its memory in use
	TrapCrash     = instance.Crashed     // it crashed: a panic, an address outside its memory
	TrapExit      = instance.Exited      // it ended itself
	TrapReply     = instance.BadReply    // its answer makes no sense
)

// GuestError is a guest's failure at one request: for logs, and never for
// clients. It is ErrGuest.
type GuestError struct {
	Guest  string // the guest's digest
	Export string // what was called, as guest/abi names it
	Reason TrapReason
	Fuel   uint64 // used until then
	Err    error
}

func (e *GuestError) Error() string {
	return fmt.Sprintf("edge: guest %.12s, after %d units of fuel: %v", e.Guest, e.Fuel, e.Err)
}

// Unwrap returns the cause.
func (e *GuestError) Unwrap() error { return e.Err }

// failed makes a GuestError of an error for which the guest is to blame.
func (g *generation) failed(err error) error {
	if err == nil {
		return nil // before t, which costs an allocation
	}
	var t *instance.Trap
	if !errors.As(err, &t) {
		return err
	}
	return &GuestError{Guest: g.program.Digest(), Export: t.Export, Reason: t.Reason, Fuel: t.Fuel, Err: err}
}

// failure is the one place that turns errors of routing into HTTP statuses.
func failure(err error) *RouteError {
	var known *RouteError
	if errors.As(err, &known) {
		if known.Status >= http.StatusInternalServerError && known.RequestID == "" {
			known.RequestID = rand.Text()
		}
		return known
	}
	e := &RouteError{Status: http.StatusInternalServerError, Reason: "routing failed", RequestID: rand.Text(), Err: err}
	switch {
	case errors.Is(err, ErrBusy):
		e.Status, e.Reason = http.StatusServiceUnavailable, "too many requests are being routed"
	case errors.Is(err, ErrTooLarge):
		e.Status, e.Reason, e.RequestID = http.StatusRequestHeaderFieldsTooLarge, "the request does not fit the guest's buffer", ""
	case errors.Is(err, ErrGuest):
		e.Status, e.Reason = http.StatusBadGateway, "the guest failed"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Status, e.Reason = http.StatusServiceUnavailable, "the request ended first"
	}
	return e
}

// refused is what the guest decided where it found no tenant.
func refused(d *Decision) *RouteError {
	return &RouteError{Status: d.Status, Outcome: d.Outcome, Reason: d.Reason}
}

// writeRefusal is the default of Config.Refused. Its pages say the same to
// everybody, so that they give away nothing about tenants that exist.
func writeRefusal(w http.ResponseWriter, _ *http.Request, e *RouteError) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	if e.Status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "1")
	}
	if e.Status == http.StatusMisdirectedRequest || e.Status == http.StatusBadRequest {
		header.Set("Connection", "close")
	}
	w.WriteHeader(e.Status)
	text := fmt.Sprintf("%d %s\n", e.Status, http.StatusText(e.Status))
	if e.RequestID != "" {
		text += "request " + e.RequestID + "\n"
	}
	_, _ = io.WriteString(w, text) // the client may be gone
}
