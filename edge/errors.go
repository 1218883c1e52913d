package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Errors to branch on with errors.Is.
var (
	// ErrClosed is the error of calls on a closed Host.
	ErrClosed = errors.New("edge: the host is closed")
	// ErrBusy is a request that timed out waiting for an instance of the guest
	// (GuestLimits.QueueTimeout).
	ErrBusy = errors.New("edge: all instances of the guest are busy")
	// ErrGuest is a call at which the guest failed: it trapped, or its reply violates
	// the contract. The error is a [*GuestError].
	ErrGuest = errors.New("edge: the guest failed")
	// ErrTooLarge is a request that does not fit the guest's buffer of 64 KiB.
	ErrTooLarge = errors.New("edge: the request is too large for the guest's buffer")
	// ErrSession is a request whose session could not be read and might name its
	// tenant.
	ErrSession = errors.New("edge: the session cannot be read")
	// ErrGuestRefused is a guest that New, Swap or StartCandidate did not load.
	ErrGuestRefused = errors.New("edge: the guest is rejected")
	// ErrNoPrevious is a Rollback before the first Swap.
	ErrNoPrevious = errors.New("edge: there is no previous guest")
	// ErrNoCandidate is a Promote or AbortCandidate while no guest is tried.
	ErrNoCandidate = errors.New("edge: there is no candidate")
	// ErrUnknownTenant is a schema that no tenant has.
	ErrUnknownTenant = errors.New("edge: unknown tenant")
)

// GuestError is a call at which the guest failed. It is for logs; clients must
// not see it. It is ErrGuest.
type GuestError struct {
	Guest  string // digest of the guest
	Export string // name of the export, as in guest/abi
	Trap   stats.Trap
	Fuel   uint64 // used until then
	// Printed is what the guest logged and printed in the call, as one line of at most
	// some KiB. Error omits it, since the log has it as a record of the guest.
	Printed string
	Err     error
}

func (e *GuestError) Error() string {
	return fmt.Sprintf("edge: guest %.12s, after %d units of fuel: %v", e.Guest, e.Fuel, e.Err)
}

// Unwrap returns the cause.
func (e *GuestError) Unwrap() error { return e.Err }

// Is reports whether target is ErrGuest.
func (e *GuestError) Is(target error) bool { return target == ErrGuest }

// sentinelError adds a sentinel of this package to the chain of an error.
type sentinelError struct{ sentinel, cause error }

func (e *sentinelError) Error() string {
	return "edge: " + e.cause.Error()
}

func (e *sentinelError) Unwrap() []error { return []error{e.sentinel, e.cause} }

// public returns an error of the guests as this package documents it.
func public(err error) error {
	if err == nil {
		return nil // before failure, which escapes to the heap
	}
	var failure *guests.Failure
	if errors.As(err, &failure) {
		return (*GuestError)(failure)
	}
	var rejected *guests.Rejected
	if errors.As(err, &rejected) {
		return &sentinelError{ErrGuestRefused, err}
	}
	for _, known := range [...]struct{ internal, sentinel error }{
		{instance.ErrBusy, ErrBusy},
		{instance.ErrClosed, ErrClosed},
		{instance.ErrTooLarge, ErrTooLarge},
		{guests.ErrNoPrevious, ErrNoPrevious},
		{guests.ErrNoCandidate, ErrNoCandidate},
	} {
		if errors.Is(err, known.internal) {
			return &sentinelError{known.sentinel, err}
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("edge: %w", err)
}

// RouteError is a request that no tenant serves. Reason and Err are for logs;
// clients must not see them.
type RouteError struct {
	Status    int         // HTTP status of the response
	Outcome   abi.Outcome // zero where the guest made no decision
	Reason    string
	RequestID string // of the request, in the response and in the log
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

// Unwrap returns the cause.
func (e *RouteError) Unwrap() error { return e.Err }

// AsRouteError returns the RouteError for an error of [Host.RequestOf],
// [Host.RequestFrom] or [Host.Route]: err itself if it is one, and otherwise one
// with the status with which Middleware responds. It makes a RequestID if there is
// none.
func AsRouteError(err error) *RouteError {
	var known *RouteError
	if errors.As(err, &known) {
		if known.RequestID == "" {
			known.RequestID = requestid.New()
		}
		return known
	}
	e := &RouteError{Status: http.StatusInternalServerError, Reason: "routing failed", RequestID: requestid.New(), Err: err}
	switch {
	case errors.Is(err, ErrBusy):
		e.Status, e.Reason = http.StatusServiceUnavailable, "too many requests are being routed"
	case errors.Is(err, ErrTooLarge):
		e.Status, e.Reason = http.StatusRequestHeaderFieldsTooLarge, "the request does not fit the guest's buffer"
	case errors.Is(err, ErrGuest):
		e.Status, e.Reason = http.StatusBadGateway, "the guest failed"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Status, e.Reason = http.StatusServiceUnavailable, "the request ended before it was routed"
	}
	return e
}

// refused returns the RouteError of a decision without a tenant.
func refused(d *Decision) *RouteError {
	return &RouteError{Status: d.Status, Outcome: d.Outcome, Reason: d.Reason}
}

// writeRefusal is the default of Config.Refused.
func writeRefusal(w http.ResponseWriter, r *http.Request, e *RouteError) {
	errorpage.WriteUnrouted(w, r, e.Status)
}
