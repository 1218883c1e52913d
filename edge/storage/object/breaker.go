package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

const (
	// pause is how long requests fail immediately after the server was silent. It is
	// at most the silence timeout.
	pause = 5 * time.Second
)

// errSilent is the error of a request for which the server sent or accepted
// nothing for too long.
var errSilent = fmt.Errorf("object: the server is silent: %w", context.DeadlineExceeded)

// newTransport returns a transport with the timeouts of c.
func (c *Config) newTransport(secure bool) (*breaker, error) {
	t, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("object: %w", err)
	}
	silence, connect := c.SilenceTimeout, c.ConnectTimeout
	dialer := &net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &deadlineConn{conn, silence}, nil
	}
	t.TLSHandshakeTimeout = connect
	t.ResponseHeaderTimeout = silence
	t.IdleConnTimeout = min(t.IdleConnTimeout, silence/2) // before reads on idle connections time out
	return &breaker{next: t, silence: silence}, nil
}

// deadlineConn is a connection on which each read and each write has a timeout.
type deadlineConn struct {
	net.Conn
	silence time.Duration
}

func (p *deadlineConn) Read(b []byte) (int, error) {
	_ = p.SetReadDeadline(time.Now().Add(p.silence)) // on a closed connection the read fails
	return p.Conn.Read(b)
}

// Write also extends the deadline of the read that waits for the answer, to after
// ResponseHeaderTimeout: http.Transport repeats a request whose read failed, but
// not one whose answer is late.
func (p *deadlineConn) Write(b []byte) (int, error) {
	now := time.Now()
	_ = p.SetReadDeadline(now.Add(2 * p.silence))
	_ = p.SetWriteDeadline(now.Add(p.silence))
	return p.Conn.Write(b)
}

// breaker fails requests immediately while the server is silent, except one at a
// time, which probes whether the server answers again. Otherwise every request
// would wait for the full timeout.
type breaker struct {
	next    *http.Transport
	silence time.Duration

	mu       sync.Mutex
	answered time.Time // the last time that the server answered
	silent   bool
	probing  bool      // one request is in flight while silent
	retryAt  time.Time // when the next one may be sent
}

// RoundTrip implements http.RoundTripper.
func (p *breaker) RoundTrip(r *http.Request) (*http.Response, error) {
	if !p.admit() {
		if r.Body != nil {
			_ = r.Body.Close() // required of an http.RoundTripper
		}
		return silentAnswer(r), nil
	}
	w, err := p.next.RoundTrip(r)
	switch err = p.note(r.Context(), err); {
	case errors.Is(err, errSilent):
		return silentAnswer(r), nil
	case err != nil:
		return nil, err
	}
	w.Body = &breakerBody{w.Body, p, r.Context()}
	return w, nil
}

// admit reports whether a request may be sent.
func (p *breaker) admit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.silent {
		return true
	}
	if p.probing || time.Now().Before(p.retryAt) {
		return false
	}
	p.probing = true
	return true
}

// note records how a request ended and returns its error. After a timeout, the
// server counts as silent only if it has answered no other request meanwhile: a
// slow request of one tenant, such as the copy of a large object, must not fail
// those of others. A request whose context ended does not count.
func (p *breaker) note(ctx context.Context, err error) error {
	silent := timedOut(err) && ctx.Err() == nil
	p.mu.Lock()
	defer p.mu.Unlock()
	p.probing = false
	now := time.Now()
	switch {
	case silent:
		if now.Sub(p.answered) >= p.silence {
			p.silent, p.retryAt = true, now.Add(min(pause, p.silence))
		}
		return fmt.Errorf("%w: %w", errSilent, err)
	case err == nil:
		p.silent, p.answered = false, now
	case ctx.Err() == nil:
		p.silent = false // refused connections fail quickly
	}
	return err
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// codeSilent is the error code of an answer that replaces a silent server's.
const codeSilent = "TenantedgeServerSilent"

// silentAnswer returns an answer instead of an error, because the client repeats
// requests after every error of its transport. [classified] turns it into
// errSilent.
func silentAnswer(r *http.Request) *http.Response {
	const status = 598 // the client does not repeat the request
	return &http.Response{
		Status: fmt.Sprint(status, " ", codeSilent), StatusCode: status, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"X-Minio-Error-Code": {codeSilent}},
		Body:   io.NopCloser(strings.NewReader("")),
	}
}

// breakerBody is the body of an answer. The server may become silent while it is
// read.
type breakerBody struct {
	io.ReadCloser
	of  *breaker
	ctx context.Context
}

func (b *breakerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if timedOut(err) {
		err = b.of.note(b.ctx, err)
	}
	return n, err
}

// Ping requests an object that cannot exist. It returns nil if the server answers
// that there is none, or that access is denied.
func (s *Storage) Ping(ctx context.Context) error {
	body, _, _, err := s.server.GetObject(ctx, s.config.Bucket, s.key(backend.ReservedName()), minio.GetObjectOptions{})
	if err == nil {
		return body.Close()
	}
	if code := minio.ToErrorResponse(err).Code; code == minio.NoSuchKey || code == minio.AccessDenied {
		return nil
	}
	return fmt.Errorf("object: bucket %q is out of reach: %w", s.config.Bucket, classified(err))
}
