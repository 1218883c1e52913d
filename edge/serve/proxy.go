package serve

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/pace"
	"github.com/tenantedge/tenantedge/edge/internal/upstream"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// proxy hands requests to an application. The client's Host goes with them,
// for Django builds URLs from it.
type proxy struct {
	server    *Server
	target    *url.URL
	inner     bool // the application sees the path without the folder
	ownHost   bool // the application sees the Host of its own URL
	reverse   httputil.ReverseProxy
	transport *transport
	accel     *accel // nil: the application may have no files sent
}

func (s *Server) newProxy(c config.URLConf) *proxy {
	p := &proxy{server: s, target: c.Upstream, inner: c.Path == "inner", ownHost: c.Host == "upstream"}
	p.transport = s.newTransport(c)
	if c.Upstream.Scheme == "h2c" {
		u := *c.Upstream
		u.Scheme = "http"
		p.target = &u
	}
	p.reverse = httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      p.transport,
		ModifyResponse: p.modify,
		ErrorHandler:   p.fail,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // what fails before the answer, fail logs
	}
	return p
}

func (p *proxy) close() error {
	p.transport.closeIdle()
	return nil
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodTrace {
		// Its answer shows the client what the edge tells the application alone.
		w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		writeError(w, http.StatusMethodNotAllowed, "")
		return
	}
	if r.ProtoMajor == 1 && r.Body != nil && r.Body != http.NoBody {
		// The application may answer before it reads the rest of the body. Without
		// this, net/http holds the answer until the client sends more, and drops up to
		// 256 KiB of the rest.
		_ = http.NewResponseController(w).EnableFullDuplex() // in tests there is no connection
	}
	r, done := p.server.upgrades.track(r)
	defer done()
	p.reverse.ServeHTTP(&passing{ResponseWriter: w, request: r}, r)
}

func (p *proxy) rewrite(pr *httputil.ProxyRequest) {
	out := pr.Out
	t, ok := tenant.From(pr.In.Context())
	inner, path := ok && p.inner && t.Routing.Folder != "", ""
	if inner {
		path = t.Path
	}
	out.URL = upstream.Target(p.target, pr.In.RequestURI, inner, path)
	p.forward(pr, inner)
	if p.ownHost {
		out.Host = ""
	}
	out.Trailer = nil // uvicorn takes them for headers
	if out.Body != nil {
		out.Body = &clientBody{ReadCloser: out.Body}
	}
}

// forward puts back what ReverseProxy takes off, for the Host to judge.
func (p *proxy) forward(pr *httputil.ProxyRequest, inner bool) {
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values := pr.In.Header[name]; len(values) > 0 {
			pr.Out.Header[name] = slices.Clone(values)
		}
	}
	p.server.host.Forward(pr.In, pr.Out, inner)
}

// errUnasked is a switch of protocols that the edge did not ask for: what comes
// after it is no HTTP, and nothing that any client may have.
var errUnasked = errors.New("the upstream switched protocols unasked")

// modify has fail send a file where the application ordered one.
func (p *proxy) modify(r *http.Response) error {
	if r.StatusCode == http.StatusSwitchingProtocols && len(r.Request.Header["Upgrade"]) == 0 {
		return errUnasked
	}
	if app, ok := r.Body.(io.ReadWriteCloser); ok {
		if one := upgradeOf(r.Request.Context()); one != nil {
			r.Body = one.opens(app)
		}
	}
	if o := p.accel.take(r); o != nil {
		return o
	}
	if (r.ContentLength < 0 || r.ProtoMajor > 1) && r.StatusCode != http.StatusSwitchingProtocols {
		upstream.CleanTrailer(r.Trailer) // what is announced
		r.Body = &trailed{ReadCloser: r.Body, response: r}
	}
	return nil
}

// statusClientGone is nginx's: the client did not wait. Only the log sees it.
const statusClientGone = 499

// fail answers when the application did not. The cause goes to the log alone.
func (p *proxy) fail(w http.ResponseWriter, r *http.Request, err error) {
	var ordered *order
	if errors.As(err, &ordered) {
		p.accel.send(w, r, ordered)
		return
	}
	if p.server.base.Err() != nil || len(r.Header["Upgrade"]) > 0 && p.server.upgrades.base.Err() != nil {
		p.server.refuseEnding(w, r)
		return
	}
	if p.failedByClient(w, r, err) {
		return
	}
	status, reason := http.StatusBadGateway, "the upstream failed"
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		status, reason = http.StatusGatewayTimeout, "the upstream did not answer in time"
	}
	id := noteFailure(r.Context(), reason)
	p.server.log.LogAttrs(r.Context(), slog.LevelError, reason,
		slog.Int("status", status), slog.String("upstream", p.target.Host),
		slog.String("host", r.Host), slog.String("request", id), slog.Any("error", err))
	writeError(w, status, id)
}

// clientFailure is a way in which a client fails, and the answer to it.
type clientFailure struct {
	status  int
	reason  string // for the access log
	counter func(*clientFailures) *atomic.Uint64
}

var (
	clientSlow      = &clientFailure{http.StatusRequestTimeout, "the client sends too slowly", func(c *clientFailures) *atomic.Uint64 { return &c.slow }}
	clientTooLarge  = &clientFailure{http.StatusRequestEntityTooLarge, "the body is larger than the limit", func(c *clientFailures) *atomic.Uint64 { return &c.tooLarge }}
	clientMalformed = &clientFailure{http.StatusBadRequest, "the body is malformed", func(c *clientFailures) *atomic.Uint64 { return &c.malformed }}
	clientGone      = &clientFailure{statusClientGone, "the client is gone", func(c *clientFailures) *atomic.Uint64 { return &c.gone }}
)

// failedByClient answers when it was the client that failed, and reports
// whether it was. Its failures are no errors of the edge: INFO and a counter.
func (p *proxy) failedByClient(w http.ResponseWriter, r *http.Request, err error) bool {
	f := clientFailureOf(w, r, err)
	if f == nil {
		return false
	}
	f.counter(&p.server.clientFailures).Add(1)
	noteOf(r.Context()).reason = f.reason
	if f == clientMalformed {
		p.server.log.LogAttrs(r.Context(), slog.LevelInfo, "the client sent a malformed body", slog.String("host", r.Host))
	}
	w.Header().Set("Connection", "close")
	if f == clientGone {
		w.WriteHeader(f.status) // for the log: no client reads a body
	} else {
		writeError(w, f.status, "")
	}
	return true
}

// clientFailureOf returns how the client failed; nil: it did not.
func clientFailureOf(w http.ResponseWriter, r *http.Request, err error) *clientFailure {
	var cause error // why the body could not be read
	if body, ok := r.Body.(*clientBody); ok {
		cause = body.failure()
	}
	var tooLarge *http.MaxBytesError
	switch {
	case pace.Slow(w):
		return clientSlow
	case errors.As(err, &tooLarge) || errors.As(cause, &tooLarge):
		return clientTooLarge
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		return clientGone
	case cause == nil:
		return nil
	case ended(cause):
		return clientGone
	}
	return clientMalformed
}

// ended reports whether a body could not be read because the connection ended.
func ended(err error) bool {
	var broken net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &broken)
}
