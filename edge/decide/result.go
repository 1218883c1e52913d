package decide

import (
	"net/http"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Result is how a request was decided.
type Result string

// The results.
const (
	ResultTenant     Result = "tenant"
	ResultFallback   Result = "fallback" // without a tenant, to Config.Fallback
	ResultRedirect   Result = "redirect"
	ResultNotFound   Result = "not_found"
	ResultBad        Result = "bad_request"
	ResultConflict   Result = "conflict"
	ResultRefused    Result = "refused"    // another status below 500, such as that of a websocket's origin
	ResultError      Result = "error"      // the edge or the guest failed
	ResultPeer       Result = "peer"       // the question came from a peer that may not ask
	ResultUnreadable Result = "unreadable" // the server did not describe the request
)

var allResults = [...]Result{
	ResultTenant, ResultFallback, ResultRedirect, ResultNotFound, ResultBad, ResultConflict, ResultRefused, ResultError, ResultPeer, ResultUnreadable,
}

// results counts answers.
type results [len(allResults)]atomic.Uint64

func (c *results) add(r Result) {
	for n, known := range allResults {
		if known == r {
			c[n].Add(1)
		}
	}
}

// Counts returns how many answers each result had.
func (h *Handler) Counts() map[Result]uint64 {
	all := make(map[Result]uint64, len(allResults))
	for n, r := range allResults {
		all[r] = h.results[n].Load()
	}
	return all
}

func resultOf(e *edge.RouteError) Result {
	switch {
	case e.Outcome == abi.Missing:
		return ResultNotFound
	case e.Outcome == abi.BadRequest:
		return ResultBad
	case e.Outcome == abi.Conflict:
		return ResultConflict
	case e.Status < http.StatusInternalServerError:
		return ResultRefused
	}
	return ResultError
}
