package upstream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/pace"
	"github.com/tenantedge/tenantedge/edge/internal/requestid"
)

// Failure describes why a request got no answer from the application.
type Failure struct {
	Cause Cause
	Err   error
}

// Cause says what failed.
type Cause int

// The causes of failures.
const (
	ApplicationFailed Cause = iota // 502
	ApplicationSlow                // 504: it did not answer in time
	ClientSlow                     // 408: the client sent the body too slowly
	ClientTooLarge                 // 413: the body exceeds the limit
	ClientMalformed                // 400: the body is malformed
	ClientClosed                   // 499: the client closed the connection; only logs see the status
	Closing                        // 503: the Handler no longer accepts websockets
)

var causes = [...]struct {
	status int
	reason string
}{
	ApplicationFailed: {http.StatusBadGateway, "the upstream failed"},
	ApplicationSlow:   {http.StatusGatewayTimeout, "the upstream did not answer in time"},
	ClientSlow:        {http.StatusRequestTimeout, "the client sends too slowly"},
	ClientTooLarge:    {http.StatusRequestEntityTooLarge, "the body is larger than the limit"},
	ClientMalformed:   {http.StatusBadRequest, "the body is malformed"},
	ClientClosed:      {499, "the client closed the connection"}, // nginx's status
	Closing:           {http.StatusServiceUnavailable, "the edge is shutting down"},
}

// Status returns the HTTP status that fits the cause.
func (c Cause) Status() int { return causes[c].status }

// String returns the cause in words, for logs.
func (c Cause) String() string { return causes[c].reason }

// Client reports whether the client caused the failure, not the application or the edge.
func (c Cause) Client() bool { return c >= ClientSlow && c <= ClientClosed }

// fail answers a request that the application did not answer, or for which it
// ordered a file.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var order *FileOrder
	if errors.As(err, &order) {
		h.config.SendFile(w, r, order)
		return
	}
	f := Failure{h.causeOf(w, r, err), err}
	if f.Cause.Client() {
		w.Header().Set("Connection", "close")
	}
	h.config.Failed(w, r, f)
}

func (h *Handler) causeOf(w http.ResponseWriter, r *http.Request, err error) Cause {
	if len(r.Header["Upgrade"]) > 0 && h.tunnels.closing.Err() != nil {
		return Closing
	}
	if c, ok := clientCause(w, r, err); ok {
		return c
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return ApplicationSlow
	}
	return ApplicationFailed
}

// clientCause returns the cause if the client is at fault, and reports whether it is.
func clientCause(w http.ResponseWriter, r *http.Request, err error) (Cause, bool) {
	var cause error // why the body could not be read
	if body, ok := r.Body.(*requestBody); ok {
		cause = body.failure()
	}
	var tooLarge *http.MaxBytesError
	switch {
	case pace.Slow(w):
		return ClientSlow, true
	case errors.As(err, &tooLarge) || errors.As(cause, &tooLarge):
		return ClientTooLarge, true
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		return ClientClosed, true
	case cause == nil:
		return 0, false
	case connectionEnded(cause):
		return ClientClosed, true
	}
	return ClientMalformed, true
}

// connectionEnded reports whether a body could not be read because the connection
// ended.
func connectionEnded(err error) bool {
	var broken net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &broken)
}

// writeFailure is the default of Config.Failed. The cause is in the log only.
func (h *Handler) writeFailure(w http.ResponseWriter, r *http.Request, f Failure) {
	level := slog.LevelError
	if f.Cause.Client() || f.Cause == Closing {
		level = slog.LevelInfo
	}
	h.config.Logger.LogAttrs(r.Context(), level, f.Cause.String(),
		slog.Int("status", f.Cause.Status()), slog.String("upstream", h.config.URL.Host), slog.String("host", r.Host), slog.String("request", requestid.Of(r.Context())), slog.Any("error", f.Err))
	errorpage.Write(w, r, f.Cause.Status())
}

// requestBody is the body of a client's request. It records the first error of
// reading it, which shows that the client failed and not the application.
type requestBody struct {
	io.ReadCloser
	failed atomic.Pointer[error]
}

func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && err != http.ErrBodyReadAfterClose {
		b.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}

func (b *requestBody) failure() error {
	if err := b.failed.Load(); err != nil {
		return *err
	}
	return nil
}
