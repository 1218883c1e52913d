package serve

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/accesslog"
	"github.com/tenantedge/tenantedge/edge/internal/accounting"
	"github.com/tenantedge/tenantedge/edge/internal/logs"
	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	"github.com/tenantedge/tenantedge/edge/internal/tracing"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// note holds the id of a request, what handlers add to its record in the access log,
// and what it costs.
type note struct {
	id      atomic.Pointer[string] // nil until it is needed
	tenant  accounting.Key
	routing string
	reason  string
	cost    stats.Cost
	// upstream is the time until the application's head, of all attempts.
	upstream atomic.Int64
	answered atomic.Bool // the application has answered
}

type noteKey struct{}

// noteOf returns the note of a request. For a request that is only evaluated, it
// returns one that nothing reads.
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

// noteFailure records why a request failed and returns its id for the log.
func noteFailure(ctx context.Context, reason string) string {
	noteOf(ctx).reason = reason
	return requestid.Of(ctx)
}

// observed is a request with its note, as the context and the ResponseWriter of its
// handlers: one allocation for all.
type observed struct {
	context.Context
	note  note
	trace tracing.Request // set if there is a tracer
	write countingWriter
	body  countingBody
}

// Value implements context.Context.
func (o *observed) Value(key any) any {
	switch key {
	case noteKey{}:
		return &o.note
	case requestid.Key{}:
		return o.requestID()
	case tracing.Key{}:
		return &o.trace
	case requestid.TraceKey{}:
		return o.trace.ID()
	}
	return o.Context.Value(key)
}

// requestID returns the id of the request: that of the program that embeds the Server,
// or one that the first call makes. It is never the client's.
func (o *observed) requestID() string {
	if o.note.id.Load() == nil {
		id := requestid.Of(o.Context)
		if id == "" {
			id = requestid.New()
		}
		o.note.id.CompareAndSwap(nil, &id)
	}
	return *o.note.id.Load()
}

// observe gives each request a note, decides whether it is traced if tracer is not nil,
// measures how long it takes, counts its use, and writes the access log and
// Server-Timing of it.
func (s *generation) observe(next http.Handler, tracer *tracing.Tracer) http.Handler {
	if tracer != nil {
		next = tracer.Handler(next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := &observed{Context: r.Context()}
		o.write = countingWriter{ResponseWriter: w, request: o, head: r.Method == http.MethodHead}
		if s.tellsTiming(r) {
			o.write.timing = &o.note
		}
		if tracer != nil {
			tracer.Decide(&o.trace, r)
		}
		defer s.ended(r, o, time.Now())
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

// ended measures and logs a request that was served.
func (s *generation) ended(r *http.Request, o *observed, began time.Time) {
	took := time.Since(began)
	s.latencies.request.observe(o.write.status(), took)
	if s.options.AccessLog {
		s.logAccess(r, o, began, took)
	}
}

// logAccess writes the record of a request that was served.
func (s *generation) logAccess(r *http.Request, o *observed, began time.Time, took time.Duration) {
	log := s.log.Handler()
	if !log.Enabled(o, slog.LevelInfo) {
		return // an id is not needed
	}
	n, w := &o.note, &o.write
	line := accesslog.Line{
		At: began.Add(took), Request: o.requestID(),
		Method: logs.Clip(r.Method), Host: logs.Clip(r.Host), Path: logs.Clip(r.URL.Path),
		Status: w.status(), Bytes: w.bytes, Took: took, Peer: r.RemoteAddr, Proto: r.Proto,
		Tenant: n.tenant.Schema, Routing: n.routing,
		Trace: requestid.TraceOf(o), Reason: n.reason,
	}
	if s.options.LogCost {
		line.HasCost, line.Fuel, line.Guest, line.HostCalls = true, n.cost.Fuel(), n.cost.Took(), n.cost.HostCalls()
	}
	_ = accesslog.Write(o, log, line) // as slog does
}

// countingWriter records the status and size of a response, and adds the id of the
// request to a refusal.
type countingWriter struct {
	http.ResponseWriter
	request  *observed
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
		if code >= http.StatusBadRequest && !w.request.note.answered.Load() {
			w.Header()[requestid.Header] = []string{w.request.requestID()}
		}
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
