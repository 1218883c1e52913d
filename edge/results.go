package edge

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
)

// Result is what became of a request in Middleware.
type Result string

// The results. All but the first three were answered by the Host itself.
const (
	ResultTenant   Result = "tenant"   // routed to a tenant
	ResultNone     Result = "none"     // routed, to no tenant
	ResultRedirect Result = "redirect" // sent to another address
	ResultNotFound Result = "not_found"
	ResultBad      Result = "bad_request"
	ResultConflict Result = "conflict"    // what it says of its tenant disagrees
	ResultTooLarge Result = "too_large"   // it does not fit the guest's buffer
	ResultBusy     Result = "busy"        // no instance came free in time
	ResultSession  Result = "session"     // its session could not be read
	ResultGuest    Result = "guest_error" // the guest failed at it
	ResultGone     Result = "gone"        // its client was gone, or its time over
	ResultError    Result = "error"       // the host failed at it
)

// allResults are the results in the order of results.
var allResults = [...]Result{
	ResultTenant, ResultNone, ResultRedirect, ResultNotFound, ResultBad, ResultConflict,
	ResultTooLarge, ResultBusy, ResultSession, ResultGuest, ResultGone, ResultError,
}

// results counts requests by result.
type results [len(allResults)]atomic.Uint64

func (c *results) add(r Result) {
	for n, known := range allResults {
		if known == r {
			c[n].Add(1)
			return
		}
	}
}

func (c *results) counts() map[Result]uint64 {
	all := make(map[Result]uint64, len(allResults))
	for n, r := range allResults {
		all[r] = c[n].Load()
	}
	return all
}

// resultOf says what became of a request that was refused.
func resultOf(e *RouteError) Result {
	switch e.Outcome {
	case OutcomeNotFound:
		return ResultNotFound
	case OutcomeBadRequest:
		return ResultBad
	case OutcomeConflict:
		return ResultConflict
	}
	var guest *GuestError
	switch {
	case errors.Is(e.Err, ErrBusy):
		return ResultBusy
	case errors.Is(e.Err, ErrTooLarge):
		return ResultTooLarge
	case errors.Is(e.Err, ErrSession): // before the contexts: the store's time may be over, and not the request's
		return ResultSession
	case errors.As(e.Err, &guest):
		if guest.Reason == TrapCancelled {
			return ResultGone
		}
		return ResultGuest
	case errors.Is(e.Err, context.Canceled), errors.Is(e.Err, context.DeadlineExceeded):
		return ResultGone
	case e.Status < http.StatusInternalServerError:
		return ResultBad
	}
	return ResultError
}
