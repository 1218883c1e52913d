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

	"github.com/tenantedge/tenantedge/edge/internal/accounting"
	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// note holds what handlers add to the access log record of a request, and what it
// costs.
type note struct {
	id      string
	tenant  accounting.Key
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
		n.tenant, n.routing = accounting.Key{Schema: t.Schema, ID: t.ID}, string(t.Routing.Router)
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

// observed is a request with its note, as the context and the ResponseWriter of its
// handlers: one allocation for all.
type observed struct {
	context.Context
	note  note
	write countingWriter
	body  countingBody
}

// Value implements context.Context.
func (o *observed) Value(key any) any {
	switch key {
	case noteKey{}:
		return &o.note
	case requestid.Key{}:
		if o.note.id != "" {
			return o.note.id
		}
	}
	return o.Context.Value(key)
}

// observe gives each request a note, counts its use, and writes the access log and
// Server-Timing of it.
func (s *generation) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := &observed{Context: r.Context()}
		o.write = countingWriter{ResponseWriter: w, head: r.Method == http.MethodHead}
		if s.tellsTiming(r) {
			o.write.timing = &o.note
		}
		if s.options.AccessLog {
			o.note.id = rand.Text()
			defer s.logAccess(r, o, time.Now())
		}
		in := r.WithContext(o)
		if s.accounts != nil {
			if r.Body != nil && r.Body != http.NoBody {
				o.body.ReadCloser = r.Body
				in.Body = &o.body
			}
			defer s.count(o)
		}
		next.ServeHTTP(&o.write, in)
		o.write.beforeHead() // net/http sends the head of an empty answer
		o.write.complete = true
	})
}

// logAccess writes the log record of a request that was served, without query and
// headers, which may hold secrets.
func (s *generation) logAccess(r *http.Request, o *observed, began time.Time) {
	n, w := &o.note, &o.write
	attrs := []slog.Attr{
		slog.String("request", n.id),
		slog.String("method", r.Method), slog.String("host", r.Host), slog.String("path", r.URL.Path),
		slog.Int("status", w.status()), slog.Int64("bytes", w.bytes),
		slog.Float64("ms", float64(time.Since(began).Microseconds())/1000),
		slog.String("peer", r.RemoteAddr), slog.String("proto", r.Proto),
		slog.String("tenant", n.tenant.Schema), slog.String("routing", n.routing),
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
	timing   *note // of which Server-Timing is still to be set; nil: none
	head     bool  // the method is HEAD: net/http sends no body
	failed   bool  // writing to the client failed
	complete bool  // the handler returned
	code     int
	bytes    int64
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
	w.wrote(int64(n), err)
	return n, err
}

// ReadFrom lets net/http send files by sendfile.
func (w *countingWriter) ReadFrom(r io.Reader) (int64, error) {
	w.beforeHead()
	n, err := io.Copy(w.ResponseWriter, r)
	w.wrote(n, err)
	return n, err
}

func (w *countingWriter) wrote(n int64, err error) {
	if !w.head {
		w.bytes += n
	}
	w.failed = w.failed || err != nil && err != http.ErrBodyNotAllowed
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

// countingBody counts the bytes of a request's body. Another goroutine than the
// handler's may read it.
type countingBody struct {
	io.ReadCloser
	bytes atomic.Int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes.Add(int64(n))
	return n, err
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
