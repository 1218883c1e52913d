// Package upstream speaks HTTP/1.1 to an application, so that nothing that the
// application sends after the end of an answer reaches another tenant or client.
//
//	c := upstream.New(upstream.Config{Dial: dial, Owner: owner})
//	defer c.CloseIdle()
//	resp, err := c.RoundTrip(r)
//
// A connection serves one request at a time and is read by that request alone:
// between requests no goroutine reads it. RATIONALE.md says what is kept open,
// for whom, and why.
package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Config says how a Client reaches an application and what it holds it to.
type Config struct {
	// Dial opens a connection.
	Dial func(context.Context) (net.Conn, error)
	// Owner returns for whom the request of a context is: a connection is used
	// again for its owner alone. False: the connection is not used again.
	Owner func(context.Context) (Owner, bool)
	// MaxIdle bounds the connections that are kept open for the next request;
	// 0, and at most: 1024.
	MaxIdle int
	// HeaderTimeout bounds the time between the end of a request and the start
	// of its answer; 0: no limit.
	HeaderTimeout time.Duration
	// HeaderBytes bounds the head of an answer, together with the interim (1xx)
	// heads before it; 0: 64 KiB.
	HeaderBytes int64
	// HeaderFields bounds the fields of a head, and of a trailer; 0: 500.
	HeaderFields int
	// Surplus is called when the application was caught sending bytes after
	// the end of an answer, and connections are no longer kept; nil: nothing is.
	Surplus func()
}

// Owner is the tenant that requests are for, or one client of it.
type Owner struct {
	Schema, ID string
	// Client identifies the client's connection; nil: all of the tenant's.
	Client any
}

// Bounds that an application is held to where Config names none.
const (
	DefaultHeaderBytes  = 64 << 10
	DefaultHeaderFields = 500
)

// Errors of RoundTrip. None of them holds bytes of the answer, which may be a
// page of a tenant.
var (
	ErrHeadTooLarge = errors.New("upstream: the head of the answer is larger than the limit; see limits.max_answer_header_bytes and limits.max_answer_headers")
	ErrMalformed    = errors.New("upstream: the answer is no HTTP/1.1 response")
	ErrSwitched     = errors.New("upstream: the application switched to a protocol that was not asked for")
	ErrClosed       = errors.New("upstream: the application closed the connection without an answer")
)

// Client sends requests to one application. It is safe for concurrent use.
type Client struct {
	config Config
	pool   pool
}

// New returns a Client. It opens no connection.
func New(c Config) *Client {
	if c.HeaderBytes <= 0 {
		c.HeaderBytes = DefaultHeaderBytes
	}
	if c.HeaderFields <= 0 {
		c.HeaderFields = DefaultHeaderFields
	}
	t := &Client{config: c}
	t.pool.init(c.MaxIdle, c.Surplus)
	return t
}

// Stats returns what became of connections so far.
func (c *Client) Stats() Stats { return c.pool.stats() }

// CloseIdle closes the connections that no request uses.
func (c *Client) CloseIdle() { c.pool.closeIdle() }

// RoundTrip sends r and returns the answer, as http.RoundTripper asks for. A
// request that can be repeated is sent again if a kept connection turns out to
// be closed.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	if !oneLine(r) {
		closeBody(r)
		return nil, errRequestLine
	}
	owner, keep := c.config.Owner(r.Context())
	repeatable := repeatable(r)
	for fresh := !keep; ; {
		cn, err := c.connection(r.Context(), owner, fresh, repeatable)
		if err != nil {
			closeBody(r)
			return nil, err
		}
		x := &exchange{conn: cn, request: r, keep: keep}
		resp, err := x.run()
		if err == nil {
			return resp, nil
		}
		if errors.Is(err, ErrMalformed) && cn.reused {
			// Most likely not an answer to r but the surplus of the one before.
			c.pool.caught()
		}
		if !cn.reused || r.Context().Err() != nil || !repeatable || errors.Is(err, ErrHeadTooLarge) {
			closeBody(r)
			return nil, err
		}
		fresh = true
	}
}

var errRequestLine = errors.New("upstream: the method or the target would make another request line")

// oneLine reports whether an application reads the method and the target of r
// as they are meant. Request.Write writes a method, an opaque URL and a query
// as they are.
func oneLine(r *http.Request) bool {
	return (r.Method == "" || httpguts.ValidHeaderFieldName(r.Method)) &&
		!strings.ContainsAny(r.URL.Opaque, blank) && !strings.ContainsAny(r.URL.RawQuery, blank)
}

const blank = " \t\r\n\v\f\x00"

func (c *Client) connection(ctx context.Context, owner Owner, fresh, repeatable bool) (*conn, error) {
	if !fresh {
		if cn := c.pool.take(owner, repeatable); cn != nil {
			return cn, nil
		}
	}
	raw, err := c.config.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c.pool.opened.Add(1)
	return newConn(raw, c, owner), nil
}

// repeatable reports whether r may be sent twice (RFC 9110, 9.2.2) and can be.
func repeatable(r *http.Request) bool {
	if r.Body != nil && r.Body != http.NoBody || len(r.Header["Upgrade"]) > 0 {
		return false
	}
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// bodyless reports whether HTTP has no body for an answer (RFC 9110, 6.4.1 and
// 15.3.6). Some applications send one all the same.
func bodyless(method string, status int) bool {
	return method == http.MethodHead || status == http.StatusNoContent ||
		status == http.StatusResetContent || status == http.StatusNotModified
}

// switches reports whether resp switches to the protocol that r asks for.
func switches(r *http.Request, resp *http.Response) bool {
	asked, got := r.Header["Upgrade"], resp.Header["Upgrade"]
	return len(asked) == 1 && len(got) == 1 && asked[0] != "" && strings.EqualFold(asked[0], got[0])
}
