// Package http1 speaks HTTP/1.1 to an application. Bytes that the application
// sends after the end of an answer reach no other owner of connections: no other
// tenant, and no other client if each is an owner.
//
//	c := http1.New(http1.Config{Dial: dial, Owner: owner})
//	defer c.CloseIdle()
//	resp, err := c.RoundTrip(r)
//
// A connection serves one request at a time, and only that request reads it: no
// goroutine reads an idle connection. RATIONALE.md says which connections are kept
// open, for whom, and why.
package http1

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Config configures a Client.
type Config struct {
	// Dial opens a connection.
	Dial func(context.Context) (net.Conn, error)
	// Owner returns the owner of the request with this context. A connection serves
	// only requests of its owner, and only one request if Owner returns false.
	Owner func(context.Context) (Owner, bool)
	// MaxIdle bounds the idle connections; 0 means 1024, which is the maximum.
	MaxIdle int
	// HeaderTimeout bounds the time between the end of a request and the end of
	// the head of its answer; 0: no limit.
	HeaderTimeout time.Duration
	// HeaderBytes bounds the head of an answer, together with the interim (1xx)
	// heads before it; 0: 64 KiB.
	HeaderBytes int64
	// HeaderFields bounds the number of fields of a head, and of a trailer; 0: 500.
	HeaderFields int
	// Surplus is called when bytes after the end of an answer stop the reuse of
	// connections for 10 minutes. May be nil.
	Surplus func()
}

// Owner is the tenant that requests are for, or one client of it.
type Owner struct {
	Schema, ID string
	// Client identifies the client's connection; nil: any of the tenant's clients.
	Client any
}

// Defaults of Config.
const (
	DefaultHeaderBytes  = 64 << 10
	DefaultHeaderFields = 500
)

// Errors of RoundTrip. None contains bytes of the answer, which may be a page of a
// tenant.
var (
	ErrHeadTooLarge = errors.New("http1: the head of the answer is larger than the limit; see limits.max_answer_header_bytes and limits.max_answer_headers")
	ErrMalformed    = errors.New("http1: expected an HTTP/1.1 response, found something else")
	ErrSwitched     = errors.New("http1: expected the protocol of the request's Upgrade, found a switch to another one")
	ErrClosed       = errors.New("http1: the application closed the connection without an answer")
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

// Stats returns counters of connections.
func (c *Client) Stats() Stats { return c.pool.stats() }

// CloseIdle closes the connections that no request uses.
func (c *Client) CloseIdle() { c.pool.closeIdle() }

// RoundTrip implements http.RoundTripper. If a reused connection fails before the
// answer, for instance because the application has closed it, RoundTrip sends a
// repeatable request again on a new one.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	if !oneLine(r) {
		closeBody(r)
		return nil, errRequestLine
	}
	owner, keep := c.config.Owner(r.Context())
	again := repeatable(r)
	for reuse := keep; ; {
		cn, err := c.connection(r, owner, reuse)
		if err != nil {
			closeBody(r)
			return nil, err
		}
		x := &exchange{conn: cn, request: r, keep: keep}
		resp, err := x.run()
		if err == errStale { // the request was not sent
			c.pool.drop(cn)
			continue
		}
		if cn.reused {
			c.pool.reused.Add(1)
		}
		if err == nil {
			return resp, nil
		}
		reuse = false
		if errors.Is(err, ErrMalformed) && cn.reused {
			// Most likely not the answer to r but surplus of the previous one.
			c.pool.foundSurplus()
		}
		if !cn.reused || r.Context().Err() != nil || !again || errors.Is(err, ErrHeadTooLarge) {
			closeBody(r)
			return nil, err
		}
	}
}

var errRequestLine = errors.New("http1: expected a method and a target without spaces, found a request line that parses differently")

// oneLine reports whether the method and the target of r keep their meaning in a
// request line. Request.Write does not escape a method, an opaque URL or a query.
func oneLine(r *http.Request) bool {
	return (r.Method == "" || httpguts.ValidHeaderFieldName(r.Method)) &&
		!strings.ContainsAny(r.URL.Opaque, blank) && !strings.ContainsAny(r.URL.RawQuery, blank)
}

const blank = " \t\r\n\v\f\x00"

// connection takes a connection from the pool if reuse is set and there is one, and
// opens one otherwise. For a request with a body, nothing has arrived on it; the
// exchange of any other request looks for itself.
func (c *Client) connection(r *http.Request, owner Owner, reuse bool) (*conn, error) {
	for again := repeatable(r); reuse; {
		cn := c.pool.take(owner, again)
		if cn == nil {
			break
		}
		if !hasBody(r) || cn.raw.arrived() == nothing {
			return cn, nil
		}
		c.pool.drop(cn)
	}
	raw, err := c.config.Dial(r.Context())
	if err != nil {
		return nil, err
	}
	c.pool.opened.Add(1)
	return newConn(raw, c, owner), nil
}

// repeatable reports whether r may be sent twice (RFC 9110, 9.2.2) and can be.
func repeatable(r *http.Request) bool {
	if hasBody(r) || len(r.Header["Upgrade"]) > 0 {
		return false
	}
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// bodyless reports whether an answer has no body in HTTP (RFC 9110, 6.4.1 and
// 15.3.6). Some applications send one anyway.
func bodyless(method string, status int) bool {
	return method == http.MethodHead || status == http.StatusNoContent ||
		status == http.StatusResetContent || status == http.StatusNotModified
}

// switches reports whether resp switches to the protocol that r requests.
func switches(r *http.Request, resp *http.Response) bool {
	want, got := r.Header["Upgrade"], resp.Header["Upgrade"]
	return len(want) == 1 && len(got) == 1 && want[0] != "" && strings.EqualFold(want[0], got[0])
}
