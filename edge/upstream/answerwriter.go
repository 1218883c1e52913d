package upstream

import (
	"bufio"
	"net"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/http1"
)

// answerWriter writes an application's answer to the client. It cleans interim
// (1xx) heads like final ones, and keeps net/http from guessing a Content-Type.
type answerWriter struct {
	http.ResponseWriter
	request *http.Request
}

func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack implements http.Hijacker, for websockets.
func (w *answerWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if t := tunnelOf(w.request.Context()); err == nil && t != nil {
		conn = t.hijacked(conn)
	}
	return conn, buffered, err
}

func (w *answerWriter) WriteHeader(status int) {
	header := w.Header()
	if status < http.StatusOK && status != http.StatusSwitchingProtocols {
		if status == http.StatusContinue || !w.request.ProtoAtLeast(1, 1) {
			return // net/http sends its own 100 when the body is read; HTTP/1.0 has no interim head (RFC 9110, 15.2)
		}
		http1.CleanHead(header)
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // net/http then leaves it out
	}
	w.ResponseWriter.WriteHeader(status)
}

var _ http.Hijacker = (*answerWriter)(nil)
