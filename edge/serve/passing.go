package serve

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/internal/upstream"
)

// passing is the way of an application's answer to the client. It cleans interim
// (1xx) heads as final ones are cleaned, and keeps net/http from guessing a
// Content-Type.
type passing struct {
	http.ResponseWriter
	request *http.Request
}

func (w *passing) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack implements http.Hijacker, for websockets.
func (w *passing) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if one := upgradeOf(w.request.Context()); err == nil && one != nil {
		conn = one.hijacked(conn)
	}
	return conn, buffered, err
}

func (w *passing) WriteHeader(status int) {
	header := w.Header()
	if status < http.StatusOK && status != http.StatusSwitchingProtocols {
		if status == http.StatusContinue || !w.request.ProtoAtLeast(1, 1) {
			return // net/http sends its own 100 when the body is read; HTTP/1.0 has no interim head (RFC 9110, 15.2)
		}
		upstream.CleanHead(header)
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // net/http leaves it out then
	}
	w.ResponseWriter.WriteHeader(status)
}

// trailed is the body of an answer that may have a trailer, which is cleaned
// when it has arrived.
type trailed struct {
	io.ReadCloser
	response *http.Response
}

func (b *trailed) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		upstream.CleanTrailer(b.response.Trailer)
	}
	return n, err
}

// clientBody is the body of a client's request. It remembers that it could not
// be read: then the application did not fail.
type clientBody struct {
	io.ReadCloser
	failed atomic.Pointer[error]
}

func (b *clientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && err != http.ErrBodyReadAfterClose {
		b.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}

func (b *clientBody) failure() error {
	if err := b.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// unclosed is a body that an attempt in HTTP/2 leaves open for one in HTTP/1.1.
// The handler closes it.
type unclosed struct{ io.ReadCloser }

func (*unclosed) Close() error { return nil }

// closing has a client's connection closed after the answer, however that is
// made.
type closing struct {
	http.ResponseWriter
	wrote bool
}

func (w *closing) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *closing) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.wrote = true
		w.Header().Set("Connection", "close")
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *closing) Write(p []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}
