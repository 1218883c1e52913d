package object

import (
	"cmp"
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

	"github.com/tenantedge/tenantedge/edge/storage"
)

const (
	defaultConnectTimeout = 5 * time.Second
	defaultSilenceTimeout = 30 * time.Second
	// pause is how long requests fail at once after the server was silent; less
	// where silence is shorter.
	pause = 5 * time.Second
)

// errSilent is the error of a request for which the server sent or took nothing
// for too long.
var errSilent = fmt.Errorf("object: the server is silent: %w", context.DeadlineExceeded)

// newTransport bounds how long connecting takes, and how long the server may be
// silent: before its answer, in the middle of one, and while it takes content.
func (c *Config) newTransport(secure bool) (*patient, error) {
	t, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("object: %w", err)
	}
	silence := cmp.Or(c.SilenceTimeout, defaultSilenceTimeout)
	connect := cmp.Or(c.ConnectTimeout, defaultConnectTimeout)
	dialer := &net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &progressing{conn, silence}, nil
	}
	t.TLSHandshakeTimeout = connect
	t.ResponseHeaderTimeout = silence
	t.IdleConnTimeout = min(t.IdleConnTimeout, silence/2) // before the read on an idle connection times out
	return &patient{next: t, silence: silence}, nil
}

// progressing is a connection on which each read and each write is bounded in
// time.
type progressing struct {
	net.Conn
	silence time.Duration
}

func (p *progressing) Read(b []byte) (int, error) {
	_ = p.SetReadDeadline(time.Now().Add(p.silence)) // on a closed connection the read fails
	return p.Conn.Read(b)
}

// Write extends the read that waits for the answer. That read times out after
// ResponseHeaderTimeout does: http.Transport repeats a request whose read
// failed, and not one whose answer is late.
func (p *progressing) Write(b []byte) (int, error) {
	now := time.Now()
	_ = p.SetReadDeadline(now.Add(2 * p.silence))
	_ = p.SetWriteDeadline(now.Add(p.silence))
	return p.Conn.Write(b)
}

// patient fails requests at once while the server is known to be silent, except
// one at a time, which finds out whether the server is back. Otherwise every
// request would wait for as long as the first one.
type patient struct {
	next    *http.Transport
	silence time.Duration

	mu     sync.Mutex
	heard  time.Time // when the server answered last
	silent bool
	asking bool      // one request is under way while silent
	again  time.Time // when the next one may be sent
}

// RoundTrip implements http.RoundTripper.
func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	if !p.admit() {
		if r.Body != nil {
			_ = r.Body.Close() // http.RoundTripper has to
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
	w.Body = &patientBody{w.Body, p, r.Context()}
	return w, nil
}

// admit reports whether a request may be sent.
func (p *patient) admit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.silent {
		return true
	}
	if p.asking || time.Now().Before(p.again) {
		return false
	}
	p.asking = true
	return true
}

// note records how a request ended and returns its error. The server is silent
// if it has answered no other request meanwhile: one request that takes long,
// such as the copy of a large object, says nothing about those of other
// tenants. Neither does a request that its context ended.
func (p *patient) note(ctx context.Context, err error) error {
	silent := timedOut(err) && ctx.Err() == nil
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asking = false
	now := time.Now()
	switch {
	case silent:
		if now.Sub(p.heard) >= p.silence {
			p.silent, p.again = true, now.Add(min(pause, p.silence))
		}
		return fmt.Errorf("%w: %w", errSilent, err)
	case err == nil:
		p.silent, p.heard = false, now
	case ctx.Err() == nil:
		p.silent = false // a server that refuses connections does so at once
	}
	return err
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// codeSilent is the code of an answer in the place of a silent server's.
const codeSilent = "TenantedgeServerSilent"

// silentAnswer is an answer, and no error, because the client repeats requests
// after every error of its transport. [meaning] makes it errSilent.
func silentAnswer(r *http.Request) *http.Response {
	const status = 598 // the client repeats no request after it
	return &http.Response{
		Status: fmt.Sprint(status, " ", codeSilent), StatusCode: status, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"X-Minio-Error-Code": {codeSilent}},
		Body:   io.NopCloser(strings.NewReader("")),
	}
}

// patientBody is the content of an answer, in whose middle the server may fall
// silent.
type patientBody struct {
	io.ReadCloser
	of  *patient
	ctx context.Context
}

func (b *patientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if timedOut(err) {
		err = b.of.note(b.ctx, err)
	}
	return n, err
}

// Ping asks the server for an object that there cannot be. It returns nil if the
// server says that there is none, or that it does not show whether there is one.
func (s *Storage) Ping(ctx context.Context) error {
	body, _, _, err := s.server.GetObject(ctx, s.config.Bucket, s.key(storage.ReservedName()), minio.GetObjectOptions{})
	if err == nil {
		return body.Close()
	}
	if code := minio.ToErrorResponse(err).Code; code == minio.NoSuchKey || code == minio.AccessDenied {
		return nil
	}
	return fmt.Errorf("object: bucket %q is out of reach: %w", s.config.Bucket, meaning(err))
}
