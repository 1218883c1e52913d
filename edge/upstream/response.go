package upstream

import (
	"errors"
	"io"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/http1"
)

// FileOrder is an application's order to send a file instead of the body of its answer.
type FileOrder struct {
	Redirect []string    // values of X-Accel-Redirect: a URL inside the server, for nginx
	Sendfile []string    // values of X-Sendfile: a path on disk, for Apache and lighttpd
	Header   http.Header // of the application's answer, without the orders
}

// Error makes FileOrder an error: ReverseProxy passes what modify returns to fail.
func (o *FileOrder) Error() string { return "upstream: the application named a file to send" }

// errUnrequestedSwitch is the error for status 101 in answer to a request without
// Upgrade. The bytes after it are not HTTP and must not reach a client.
var errUnrequestedSwitch = errors.New("upstream: expected no protocol switch for a request without Upgrade, found status 101")

// modify checks and cleans the head of an answer. It returns a *FileOrder if the
// application orders a file.
func (h *Handler) modify(r *http.Response) error {
	if r.StatusCode == http.StatusSwitchingProtocols && len(r.Request.Header["Upgrade"]) == 0 {
		return errUnrequestedSwitch
	}
	if app, ok := r.Body.(io.ReadWriteCloser); ok {
		if t := tunnelOf(r.Request.Context()); t != nil {
			r.Body = t.accepted(app)
		}
	}
	if o := h.order(r); o != nil {
		return o
	}
	if (r.ContentLength < 0 || r.ProtoMajor > 1) && r.StatusCode != http.StatusSwitchingProtocols {
		http1.CleanTrailer(r.Trailer) // the announced fields
		r.Body = &trailedBody{ReadCloser: r.Body, response: r}
	}
	return nil
}

// order removes the fields that order a file from an answer. It returns the order
// if there is one and Config.SendFile is set, and nil otherwise.
func (h *Handler) order(r *http.Response) *FileOrder {
	redirect, sendfile := r.Header["X-Accel-Redirect"], r.Header["X-Sendfile"]
	http1.CleanFileOrders(r.Header)
	if h.config.SendFile == nil || r.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	http1.CleanAccel(r.Header)
	if len(redirect) == 0 && len(sendfile) == 0 {
		return nil
	}
	return &FileOrder{Redirect: redirect, Sendfile: sendfile, Header: r.Header}
}

// trailedBody is the body of an answer that may have a trailer. It cleans the
// trailer once it has arrived.
type trailedBody struct {
	io.ReadCloser
	response *http.Response
}

func (b *trailedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		http1.CleanTrailer(b.response.Trailer)
	}
	return n, err
}
