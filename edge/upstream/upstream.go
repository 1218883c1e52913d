// Package upstream passes requests to an application: it sets the headers that
// carry the tenant, removes headers that clients and applications must not send each
// other, and never gives one tenant an answer of another.
//
//	app, err := upstream.New(upstream.Config{URL: u, Host: host}) // host is an *edge.Host
//	if err != nil {
//		return err
//	}
//	defer app.Close()
//	http.ListenAndServe(":8080", host.Middleware(app))
//
// RATIONALE.md gives the reasons.
package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/edge/trace"
)

// Host sets the headers of requests to applications. It is the *edge.Host whose
// Middleware routes the requests.
type Host interface {
	// Forward sets the Host and the headers of out, the request to an application
	// for the incoming request in. inner reports that the path of out lacks the
	// tenant's folder.
	Forward(in, out *http.Request, inner bool)
}

// Config configures a Handler.
type Config struct {
	URL     *url.URL // scheme http, https, or h2c for HTTP/2 without TLS; optionally with a path
	Host    Host     // an *edge.Host
	Inner   bool     // the application gets the path without the tenant's folder
	OwnHost bool     // the application gets the Host of URL, not the client's

	// Reuse says which requests may share a connection to the application. The
	// zero value is PerTenant.
	Reuse Reuse
	// Client returns a comparable value that identifies the client connection of the
	// request with this context, or nil. PerClient needs it; see
	// http.Server.ConnContext.
	Client func(context.Context) any

	Limits Limits
	// TLS is the configuration for https; nil: the defaults. The Handler sets its
	// ServerName and NextProtos, and requires at least TLS 1.2.
	TLS *tls.Config

	// Failed answers a request that the application did not answer. nil: the Handler
	// writes a short page with the status of the failure, and logs it.
	Failed func(http.ResponseWriter, *http.Request, Failure)
	// Answered is called with the time that the application took for the head of its
	// answer, from the start of the request, with the answer, to whose header it may add,
	// or nil after a failure. nil: not called.
	Answered func(*http.Request, *http.Response, time.Duration)
	// Meter returns what counts the use of a websocket of a tenant, nil for none, that
	// passes to the application. nil: nothing is counted.
	Meter func(*tenant.Tenant) stats.Meter
	// SendFile answers a request for which the application orders a file with
	// X-Accel-Redirect or X-Sendfile. nil: such orders are ignored. They never
	// reach clients.
	SendFile func(http.ResponseWriter, *http.Request, *FileOrder)

	// Tracer carries the traces of requests on to the application. Around wraps the
	// transport, for example with a span for each exchange. Both may be nil.
	Tracer trace.Tracer
	Around func(http.RoundTripper) http.RoundTripper

	Logger *slog.Logger // nil: slog.Default
}

// Reuse says which requests may share a connection to an application.
type Reuse string

// The values of Reuse.
const (
	PerTenant Reuse = "tenant" // requests of one tenant
	PerClient Reuse = "client" // requests of one client connection and tenant
	Never     Reuse = "never"  // each request has its own connection
)

// Limits bound the exchange with an application. Zero values have defaults.
type Limits struct {
	DialTimeout   time.Duration // for connecting; 0: none
	HeaderTimeout time.Duration // from the end of a request to the start of its answer; 0: none
	HeaderBytes   int64         // of the head of an answer, with the interim (1xx) heads before it; default 64 KiB
	Headers       int           // fields of a head, and of a trailer; default 500
	Idle          int           // connections kept for further requests; default and maximum 1024
}

// Handler passes requests to one application. Methods are safe for concurrent use.
type Handler struct {
	config    Config
	target    Target
	reverse   httputil.ReverseProxy
	transport *transport
	tunnels   tunnels
}

// New returns a Handler for an application. It opens no connection.
func New(c Config) (*Handler, error) {
	switch {
	case c.URL == nil || c.URL.Host == "" || !slices.Contains([]string{"http", "https", "h2c"}, c.URL.Scheme):
		return nil, fmt.Errorf("upstream: expected a URL such as http://127.0.0.1:8000, with http, https or h2c, found %v", c.URL)
	case c.Host == nil:
		return nil, fmt.Errorf("upstream: expected a Host, found none; pass the *edge.Host")
	case !slices.Contains([]Reuse{"", PerTenant, PerClient, Never}, c.Reuse):
		return nil, fmt.Errorf("upstream: Reuse: expected %q, %q or %q, found %q", PerTenant, PerClient, Never, c.Reuse)
	case c.Reuse == PerClient && c.Client == nil:
		return nil, fmt.Errorf("upstream: Reuse %q: expected the function Client, found nil; set it", PerClient)
	}
	c.Logger = cmp.Or(c.Logger, slog.Default())
	h := &Handler{config: c, target: Target{URL: c.URL, Inner: c.Inner, OwnHost: c.OwnHost, Tracer: c.Tracer}}
	if h.config.Failed == nil {
		h.config.Failed = h.writeFailure
	}
	h.transport = newTransport(&h.config)
	if c.URL.Scheme == "h2c" {
		u := *c.URL
		u.Scheme = "http"
		h.target.URL = &u
	}
	h.tunnels.init()
	h.reverse = httputil.ReverseProxy{
		Rewrite:        h.rewrite,
		Transport:      h.timed(),
		ModifyResponse: h.modify,
		ErrorHandler:   h.fail,
		BufferPool:     buffers,
		ErrorLog:       slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug), // fail reports errors before the answer
	}
	return h, nil
}

// ServeHTTP passes r to the application and its answer to the client.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodTrace {
		// The answer would reveal the headers that the edge sets.
		w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		errorpage.Write(w, r, http.StatusMethodNotAllowed)
		return
	}
	if r.ProtoMajor == 1 && r.Body != nil && r.Body != http.NoBody {
		// The application may answer before it reads the rest of the body. Without
		// full duplex, net/http holds the answer until the client sends more, and
		// drops up to 256 KiB of the rest.
		_ = http.NewResponseController(w).EnableFullDuplex() // fails without a connection, in tests
	}
	r, done := h.tunnels.track(r, h.config.Meter)
	defer done()
	h.reverse.ServeHTTP(&answerWriter{ResponseWriter: w, request: r}, r)
}

func (h *Handler) rewrite(pr *httputil.ProxyRequest) {
	out := pr.Out
	// ReverseProxy removes these; the Host decides whether to trust them.
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values := pr.In.Header[name]; len(values) > 0 {
			out.Header[name] = slices.Clone(values)
		}
	}
	h.target.prepare(h.config.Host, pr.In, out)
	out.Trailer = nil // uvicorn reads trailer fields as headers
	if out.Body != nil {
		out.Body = &requestBody{ReadCloser: out.Body}
	}
}

// Stats returns the counters of the HTTP/1.1 connections to the application.
func (h *Handler) Stats() Stats {
	s := h.transport.h1.Stats()
	return Stats{Opened: s.Opened, Reused: s.Reused, Surplus: s.Surplus, Idle: s.Idle, Reuses: s.Reuses}
}

// Stats are counters of connections to an application.
type Stats struct {
	Opened  uint64 // connections
	Reused  uint64 // requests sent on a connection that had served one before
	Surplus uint64 // times that the application sent bytes after the end of an answer
	Idle    int    // connections that no request uses at this moment
	Reuses  bool   // connections are reused at present; see edge/internal/http1/RATIONALE.md
}

// Websockets returns how many websockets are open or in their handshake.
func (h *Handler) Websockets() int { return h.tunnels.count() }

// CloseRemoved closes the websockets of tenants for which exists returns false,
// with code 1008. It returns at once.
func (h *Handler) CloseRemoved(exists func(*tenant.Tenant) bool) {
	h.tunnels.closeWith(sockets.CodePolicy, func(t *tenant.Tenant) bool { return !exists(t) })
}

// CloseMoved closes the websockets of tenants for which moved returns true, with
// code 1012, so that their clients connect again. It returns at once.
func (h *Handler) CloseMoved(moved func(*tenant.Tenant) bool) {
	h.tunnels.closeWith(sockets.CodeRestart, moved)
}

// EndWebsockets closes websockets with code 1001 and rejects new ones. It returns
// at once.
func (h *Handler) EndWebsockets() { h.tunnels.cancel() }

// Shutdown closes websockets as EndWebsockets does, and waits until their
// handlers have returned or ctx ends. No further requests may arrive.
func (h *Handler) Shutdown(ctx context.Context) error { return h.tunnels.shutdown(ctx) }

// Close closes websockets and the connections that no request uses.
func (h *Handler) Close() error {
	h.tunnels.cancel()
	h.transport.closeIdle()
	return nil
}

var _ http.Handler = (*Handler)(nil)
