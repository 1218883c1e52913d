package edge

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// allResults has the result that each element of results counts.
var allResults = [...]stats.Result{
	stats.ResultTenant, stats.ResultNone, stats.ResultRedirect, stats.ResultNotFound, stats.ResultBad, stats.ResultConflict,
	stats.ResultTooLarge, stats.ResultBusy, stats.ResultSession, stats.ResultGuest, stats.ResultCancelled, stats.ResultError,
}

// results counts requests by result.
type results [len(allResults)]atomic.Uint64

func (c *results) add(r stats.Result) {
	for n, known := range allResults {
		if known == r {
			c[n].Add(1)
			return
		}
	}
}

func (c *results) counts() map[stats.Result]uint64 {
	all := make(map[stats.Result]uint64, len(allResults))
	for n, r := range allResults {
		all[r] = c[n].Load()
	}
	return all
}

// resultOf returns the result of a request that was answered with an error.
func resultOf(e *RouteError) stats.Result {
	switch e.Outcome {
	case abi.Missing:
		return stats.ResultNotFound
	case abi.BadRequest:
		return stats.ResultBad
	case abi.Conflict:
		return stats.ResultConflict
	}
	var guest *GuestError
	switch {
	case errors.Is(e.Err, ErrBusy):
		return stats.ResultBusy
	case errors.Is(e.Err, ErrTooLarge):
		return stats.ResultTooLarge
	case errors.Is(e.Err, ErrSession): // before the contexts, since the session's store may have timed out
		return stats.ResultSession
	case errors.As(e.Err, &guest):
		if guest.Trap == stats.TrapCancelled {
			return stats.ResultCancelled
		}
		return stats.ResultGuest
	case errors.Is(e.Err, context.Canceled), errors.Is(e.Err, context.DeadlineExceeded):
		return stats.ResultCancelled
	case e.Status < http.StatusInternalServerError:
		return stats.ResultBad
	}
	return stats.ResultError
}
