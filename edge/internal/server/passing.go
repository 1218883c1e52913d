package server

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// passing is the way of an application's answer to the client. It cleans interim
// (1xx) heads as final ones are cleaned, and keeps net/http from guessing a
// Content-Type.
type passing struct {
	http.ResponseWriter
	request *http.Request
}

func (w *passing) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *passing) WriteHeader(status int) {
	header := w.Header()
	if status < http.StatusOK && status != http.StatusSwitchingProtocols {
		if status == http.StatusContinue || !w.request.ProtoAtLeast(1, 1) {
			return // net/http sends its own 100 when the body is read; HTTP/1.0 has no interim head (RFC 9110, 15.2)
		}
		cleanHead(header)
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // net/http leaves it out then
	}
	w.ResponseWriter.WriteHeader(status)
}

// hopByHop are the headers for the next hop alone (RFC 9110, 7.6.1), and those
// that frame a message.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Content-Length",
}

// cleanHead removes from an interim head what is not for clients.
func cleanHead(header http.Header) {
	for _, value := range header["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			header.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		delete(header, name)
	}
	for name := range header {
		if forServers(name) {
			delete(header, name)
		}
	}
}

// forServers reports whether a header tells a server in front of the
// application what to do. Such a server may take `_` for `-`.
func forServers(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	return name == "x-sendfile" || strings.HasPrefix(name, "x-accel-")
}

// inHeadsOnly are fields that frame, route or describe a message, or set state:
// a trailer must not have them (RFC 9110, 6.5.1).
var inHeadsOnly = []string{
	"Cache-Control", "Content-Encoding", "Content-Range", "Content-Type", "Date", "Expires", "Host", "Location",
	"Retry-After", "Set-Cookie", "Vary", "Www-Authenticate",
}

// cleanTrailer removes from a trailer what is not for clients.
func cleanTrailer(trailer http.Header) {
	if len(trailer) == 0 {
		return
	}
	cleanHead(trailer)
	for _, name := range inHeadsOnly {
		delete(trailer, name)
	}
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
		cleanTrailer(b.response.Trailer)
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
