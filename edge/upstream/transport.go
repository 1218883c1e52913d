package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/direct"
	"github.com/tenantedge/tenantedge/edge/internal/http1"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// transport sends requests to one application: by HTTP/1.1 through http1.Client,
// which keeps the answers of tenants apart, or by HTTP/2 through net/http, since
// frames keep them apart.
type transport struct {
	h1      *http1.Client
	maxHead int             // fields of an answer's head
	h2      *http.Transport // nil: HTTP/1.1 only
	// http1Only is set once an application with TLS has chosen HTTP/1.1.
	http1Only atomic.Bool
}

type dialFunc func(context.Context) (net.Conn, error)

func newTransport(c *Config) *transport {
	u, limits := c.URL, &c.Limits
	t := &transport{maxHead: cmp.Or(limits.Headers, http1.DefaultHeaderFields)}
	dialer := &net.Dialer{Timeout: limits.DialTimeout, KeepAlive: 30 * time.Second}
	dial := func(ctx context.Context) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, "tcp", hostPort(u))
		return direct.Wrap(conn), err
	}
	secure := &secureDialer{
		dial: dial, timeout: limits.DialTimeout, host: u.Hostname(), config: cmp.Or(c.TLS, &tls.Config{}),
		sessions: tls.NewLRUClientSessionCache(0),
	}
	h1 := http1.Config{
		Dial: dial, Owner: owners(c), HeaderTimeout: limits.HeaderTimeout,
		MaxIdle: limits.Idle, HeaderBytes: limits.HeaderBytes, HeaderFields: limits.Headers,
		Surplus: func() {
			c.Logger.LogAttrs(context.Background(), slog.LevelWarn,
				"the upstream sent bytes after the end of an answer: its connections are not reused for 10 minutes; look for a Content-Length that is too small",
				slog.String("upstream", u.Host))
		},
	}
	if u.Scheme == "https" {
		h1.Dial = func(ctx context.Context) (net.Conn, error) { return secure.connect(ctx, "http/1.1") }
	}
	t.h1 = http1.New(h1)
	if u.Scheme != "http" {
		t.h2 = newHTTP2(u.Scheme, limits, dial, secure)
	}
	return t
}

// newHTTP2 returns a transport that speaks HTTP/2, with or without TLS.
func newHTTP2(scheme string, limits *Limits, dial dialFunc, secure *secureDialer) *http.Transport {
	t := &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		ResponseHeaderTimeout:  limits.HeaderTimeout,
		MaxResponseHeaderBytes: cmp.Or(limits.HeaderBytes, http1.DefaultHeaderBytes),
		IdleConnTimeout:        90 * time.Second,
		DisableCompression:     true, // answers are passed on unchanged
		Protocols:              new(http.Protocols),
	}
	if scheme == "h2c" {
		t.Protocols.SetUnencryptedHTTP2(true)
		return t
	}
	t.Protocols.SetHTTP2(true)
	t.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := secure.connect(ctx, "h2", "http/1.1")
		if err == nil && c.ConnectionState().NegotiatedProtocol != "h2" {
			_ = c.Close()
			return nil, errNoHTTP2
		}
		return c, err
	}
	return t
}

// errNoHTTP2 is the error for an application that chooses HTTP/1.1.
var errNoHTTP2 = errors.New("upstream: the application does not speak HTTP/2")

// secureDialer opens connections with TLS.
type secureDialer struct {
	dial     dialFunc
	timeout  time.Duration // of the handshake; 0: none
	host     string
	config   *tls.Config
	sessions tls.ClientSessionCache
}

// connect opens a connection that offers protocols.
func (d *secureDialer) connect(ctx context.Context, protocols ...string) (*tls.Conn, error) {
	raw, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	if d.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.timeout)
		defer cancel()
	}
	config := d.config.Clone()
	config.ServerName, config.NextProtos = d.host, protocols
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if config.ClientSessionCache == nil {
		config.ClientSessionCache = d.sessions
	}
	c := tls.Client(raw, config)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

// hostPort returns the address of u, with the default port of the scheme if u has no
// port.
func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "https" {
		return net.JoinHostPort(u.Hostname(), "443")
	}
	return net.JoinHostPort(u.Hostname(), "80")
}

// RoundTrip sends r to the application. HTTP/2 has no upgrades.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.h2 == nil || t.http1Only.Load() || len(r.Header["Upgrade"]) > 0 {
		return t.h1.RoundTrip(r)
	}
	out := r
	if r.Body != nil {
		clone := *r
		clone.Body = &unclosedBody{ReadCloser: r.Body}
		out = &clone
	}
	resp, err := t.h2.RoundTrip(out)
	if errors.Is(err, errNoHTTP2) {
		t.http1Only.Store(true)
		return t.h1.RoundTrip(r)
	}
	if err == nil && http1.Fields(resp.Header) > t.maxHead {
		_ = resp.Body.Close()
		return nil, http1.ErrHeadTooLarge
	}
	return resp, err
}

// timed returns the transport within Config.Around, which calls Config.Answered if that
// is set.
func (h *Handler) timed() http.RoundTripper {
	var t http.RoundTripper = h.transport
	if h.config.Answered != nil {
		t = timedTransport{h}
	}
	if h.config.Around != nil {
		t = h.config.Around(t)
	}
	return t
}

type timedTransport struct{ *Handler }

func (t timedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	answer, err := t.transport.RoundTrip(r)
	t.config.Answered(r, answer, time.Since(began))
	return answer, err
}

func (t *transport) closeIdle() {
	t.h1.CloseIdle()
	if t.h2 != nil {
		t.h2.CloseIdleConnections()
	}
}

// unclosedBody is a body that stays open for HTTP/1.1 after a failed attempt with
// HTTP/2. ReverseProxy closes the wrapped body.
type unclosedBody struct{ io.ReadCloser }

func (*unclosedBody) Close() error { return nil }

// owners returns an http1.Config.Owner that follows Config.Reuse.
func owners(c *Config) func(context.Context) (http1.Owner, bool) {
	return func(ctx context.Context) (o http1.Owner, keep bool) {
		if t, ok := tenant.From(ctx); ok {
			o.Schema, o.ID = t.Schema, t.ID
		}
		if c.Reuse == PerClient {
			o.Client = c.Client(ctx)
			return o, o.Client != nil
		}
		return o, c.Reuse != Never
	}
}
