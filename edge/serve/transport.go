package serve

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/upstream"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// transport speaks to one application: HTTP/1.1 by a client of our own, which
// keeps the answers of tenants apart, and HTTP/2, whose frames do that, by
// net/http.
type transport struct {
	address string
	h1      *upstream.Client
	secure  *tls.Config
	fields  int             // most of an answer's head
	h2      *http.Transport // nil: the application is asked for HTTP/1.1
	// plain is set when an application behind TLS was found to speak HTTP/1.1
	// alone.
	plain atomic.Bool
}

func (s *Server) newTransport(conf config.URLConf) *transport {
	u := conf.Upstream
	limits := s.options.Limits
	t := &transport{address: u.Host, fields: cmp.Or(limits.MaxAnswerHeaders, upstream.DefaultHeaderFields)}
	dialer := &net.Dialer{Timeout: limits.DialTimeout, KeepAlive: 30 * time.Second}
	dial := func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", hostPort(u)) }
	t.secure = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	c := upstream.Config{
		Dial: dial, Owner: owners(conf.Reuse), HeaderTimeout: limits.ResponseHeaderTimeout,
		MaxIdle: max(s.bounds.idle/len(s.options.URLConfs), 1), HeaderBytes: limits.MaxAnswerHeaderBytes, HeaderFields: limits.MaxAnswerHeaders,
		Surplus: func() {
			s.log.LogAttrs(context.Background(), slog.LevelWarn,
				"the upstream sent bytes after the end of an answer: its connections are not used again for 10 minutes; look for a Content-Length that is too small",
				slog.String("upstream", u.Host))
		},
	}
	if u.Scheme == "https" {
		c.Dial = func(ctx context.Context) (net.Conn, error) {
			return dialTLS(ctx, dial, t.secure, limits.DialTimeout, "http/1.1")
		}
	}
	t.h1 = upstream.New(c)
	if u.Scheme != "http" {
		t.h2 = newHTTP2(u.Scheme, limits, dial, t.secure)
	}
	s.transports = append(s.transports, t)
	return t
}

// newHTTP2 makes what speaks HTTP/2, with or without TLS.
func newHTTP2(scheme string, limits config.Limits, dial func(context.Context) (net.Conn, error), secure *tls.Config) *http.Transport {
	t := &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		ResponseHeaderTimeout:  limits.ResponseHeaderTimeout,
		MaxResponseHeaderBytes: cmp.Or(limits.MaxAnswerHeaderBytes, upstream.DefaultHeaderBytes),
		IdleConnTimeout:        90 * time.Second,
		DisableCompression:     true, // what the application compressed goes on as it is
		Protocols:              new(http.Protocols),
	}
	if scheme == "h2c" {
		t.Protocols.SetUnencryptedHTTP2(true)
		return t
	}
	t.Protocols.SetHTTP2(true)
	t.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := dialTLS(ctx, dial, secure, limits.DialTimeout, "h2", "http/1.1")
		if err == nil && c.ConnectionState().NegotiatedProtocol != "h2" {
			_ = c.Close()
			return nil, errNoHTTP2
		}
		return c, err
	}
	return t
}

// errNoHTTP2 says that an application chose HTTP/1.1.
var errNoHTTP2 = errors.New("serve: the upstream does not speak HTTP/2")

// dialTLS opens a connection that offers protocols.
func dialTLS(ctx context.Context, dial func(context.Context) (net.Conn, error), secure *tls.Config, timeout time.Duration, protocols ...string) (*tls.Conn, error) {
	raw, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	offered := secure.Clone()
	offered.NextProtos = protocols
	c := tls.Client(raw, offered)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

// hostPort is the address of u, with the port of its scheme where it has none.
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
	if t.h2 == nil || t.plain.Load() || len(r.Header["Upgrade"]) > 0 {
		return t.h1.RoundTrip(r)
	}
	out := r
	if r.Body != nil {
		clone := *r
		clone.Body = &unclosed{ReadCloser: r.Body}
		out = &clone
	}
	resp, err := t.h2.RoundTrip(out)
	if errors.Is(err, errNoHTTP2) {
		t.plain.Store(true)
		return t.h1.RoundTrip(r)
	}
	if err == nil && !t.fewFields(resp.Header) {
		_ = resp.Body.Close()
		return nil, upstream.ErrHeadTooLarge
	}
	return resp, err
}

func (t *transport) closeIdle() {
	t.h1.CloseIdle()
	if t.h2 != nil {
		t.h2.CloseIdleConnections()
	}
}

// owners returns for whom a request is, by the key reuse of a urlconf.
func owners(reuse string) func(context.Context) (upstream.Owner, bool) {
	return func(ctx context.Context) (o upstream.Owner, keep bool) {
		if t, ok := tenant.From(ctx); ok {
			o.Schema, o.ID = t.Schema, t.ID
		}
		if reuse == "client" {
			o.Client = ctx.Value(clientKey{})
			return o, o.Client != nil
		}
		return o, reuse != "never"
	}
}

// clientKey is that of a client's connection, in the contexts of its requests.
type clientKey struct{}

// clientConn is a client's connection. Each has one of its own.
type clientConn struct{ conn net.Conn }

func withClient(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, clientKey{}, &clientConn{conn})
}

// upstreamStats returns the counts of each application's address. Several
// urlconfs may have the same one.
func (s *Server) upstreamStats() map[string]upstream.Stats {
	all := make(map[string]upstream.Stats, len(s.transports))
	for _, t := range s.transports {
		one := t.h1.Stats()
		if before, ok := all[t.address]; ok {
			one.Opened += before.Opened
			one.Reused += before.Reused
			one.Surplus += before.Surplus
			one.Idle += before.Idle
			one.Reuses = one.Reuses && before.Reuses
		}
		all[t.address] = one
	}
	return all
}

// fewFields reports whether an answer of HTTP/2 is within the limit of fields.
func (t *transport) fewFields(header http.Header) bool { return upstream.Fields(header) <= t.fields }
