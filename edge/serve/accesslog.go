package serve

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// note holds what handlers add to the access log record of a request, and what it
// costs.
type note struct {
	id      string
	schema  string
	routing string
	reason  string
	cost    stats.Cost
	// upstream is the time until the application's head, of all attempts.
	upstream atomic.Int64
}

type noteKey struct{}

// noteOf returns the note of a request. Without an access log it returns one that
// nothing reads.
func noteOf(ctx context.Context) *note {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		return n
	}
	return &note{}
}

func noteTenant(ctx context.Context, t *tenant.Tenant) {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		n.schema, n.routing = t.Schema, string(t.Routing.Router)
	}
}

// noteFailure records why a request failed and returns its id for the client.
func noteFailure(ctx context.Context, reason string) string {
	n := noteOf(ctx)
	if n.id == "" {
		n.id = cmp.Or(requestid.Of(ctx), rand.Text()) // the guest's log records have the former
	}
	n.reason = reason
	return n.id
}

// noted gives each request a note, and writes the access log and Server-Timing of it.
func (s *generation) noted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := &note{id: rand.Text()}
		counted := &countingWriter{ResponseWriter: w}
		if s.tellsTiming(r) {
			counted.timing = n
		}
		if s.options.AccessLog {
			defer s.logAccess(r, n, counted, time.Now())
		}
		ctx := edge.WithRequestID(context.WithValue(r.Context(), noteKey{}, n), n.id)
		next.ServeHTTP(counted, r.WithContext(ctx))
		counted.beforeHead() // net/http sends the head of an empty answer
	})
}

// logAccess writes the log record of a request that was served, without query and
// headers, which may hold secrets.
func (s *generation) logAccess(r *http.Request, n *note, w *countingWriter, began time.Time) {
	attrs := []slog.Attr{
		slog.String("request", n.id),
		slog.String("method", r.Method), slog.String("host", r.Host), slog.String("path", r.URL.Path),
		slog.Int("status", w.status()), slog.Int64("bytes", w.bytes),
		slog.Float64("ms", float64(time.Since(began).Microseconds())/1000),
		slog.String("peer", r.RemoteAddr), slog.String("proto", r.Proto),
		slog.String("tenant", n.schema), slog.String("routing", n.routing),
	}
	if s.options.LogCost {
		attrs = append(attrs, slog.Uint64("fuel", n.cost.Fuel()), slog.Int64("guest_ns", n.cost.Took().Nanoseconds()), slog.Uint64("host_calls", n.cost.HostCalls()))
	}
	if n.reason != "" {
		attrs = append(attrs, slog.String("reason", n.reason))
	}
	s.log.LogAttrs(r.Context(), slog.LevelInfo, "access", attrs...)
}

// countingWriter records the status and size of a response.
type countingWriter struct {
	http.ResponseWriter
	timing *note // of which Server-Timing is still to be set; nil: none
	code   int
	bytes  int64
}

func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *countingWriter) WriteHeader(code int) {
	if w.code == 0 && (code >= http.StatusOK || code == http.StatusSwitchingProtocols) {
		w.code = code
		w.beforeHead()
	}
	w.ResponseWriter.WriteHeader(code)
}

// beforeHead sets Server-Timing.
func (w *countingWriter) beforeHead() {
	if w.timing != nil {
		w.timing.addTiming(w.Header())
		w.timing = nil
	}
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.beforeHead()
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom lets net/http send files by sendfile.
func (w *countingWriter) ReadFrom(r io.Reader) (int64, error) {
	w.beforeHead()
	n, err := io.Copy(w.ResponseWriter, r)
	w.bytes += n
	return n, err
}

// FlushError is for http.ResponseController.
func (w *countingWriter) FlushError() error {
	w.beforeHead()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack records the switch to another protocol.
func (w *countingWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.timing = nil
	if err == nil && w.code == 0 {
		w.code = http.StatusSwitchingProtocols
	}
	return conn, buffered, err
}

func (w *countingWriter) status() int {
	if w.code == 0 {
		return http.StatusOK
	}
	return w.code
}

var (
	_ io.ReaderFrom = (*countingWriter)(nil)
	_ http.Hijacker = (*countingWriter)(nil)
)
