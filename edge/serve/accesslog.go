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
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// note holds what handlers add to the access log record of a request.
type note struct {
	id      string
	schema  string
	routing string
	reason  string
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

// logAccess writes a log record for every request that next serves, without query
// and headers, which may hold secrets.
func (s *Server) logAccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := &note{id: rand.Text()}
		began := time.Now()
		counted := &countingWriter{ResponseWriter: w}
		defer func() {
			attrs := []slog.Attr{
				slog.String("request", n.id),
				slog.String("method", r.Method), slog.String("host", r.Host), slog.String("path", r.URL.Path),
				slog.Int("status", counted.status()), slog.Int64("bytes", counted.bytes),
				slog.Float64("ms", float64(time.Since(began).Microseconds())/1000),
				slog.String("peer", r.RemoteAddr), slog.String("proto", r.Proto),
				slog.String("tenant", n.schema), slog.String("routing", n.routing),
			}
			if n.reason != "" {
				attrs = append(attrs, slog.String("reason", n.reason))
			}
			s.log.LogAttrs(r.Context(), slog.LevelInfo, "access", attrs...)
		}()
		ctx := edge.WithRequestID(context.WithValue(r.Context(), noteKey{}, n), n.id)
		next.ServeHTTP(counted, r.WithContext(ctx))
	})
}

// countingWriter records the status and size of a response.
type countingWriter struct {
	http.ResponseWriter
	code  int
	bytes int64
}

func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *countingWriter) WriteHeader(code int) {
	if w.code == 0 && (code >= http.StatusOK || code == http.StatusSwitchingProtocols) {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom lets net/http send files by sendfile.
func (w *countingWriter) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	w.bytes += n
	return n, err
}

// Hijack records the switch to another protocol.
func (w *countingWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
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
