package edge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
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
