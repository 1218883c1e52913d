package edge

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/upstream"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// relay joins the socket to an upstream's.
func (w *websockets) relay(rw http.ResponseWriter, r *http.Request, s *sockets.Handshake, t *tenant.Tenant, target *WebsocketTarget) {
	up, err := w.dialer.Dial(r.Context(), w.toUpstream(r, t, target))
	var answered *sockets.StatusError
	var timeout net.Error
	switch {
	case err == nil:
		_, _ = s.Relay(up, up.Header) // an error means that the client is gone
	case errors.As(err, &answered):
		s.Reject()
		passOn(rw, answered.Response)
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		s.Reject()
		w.refuse(rw, r, http.StatusGatewayTimeout, "the websocket's upstream did not answer in time", err)
	default:
		s.Reject()
		w.refuse(rw, r, http.StatusBadGateway, "the websocket's upstream failed", err)
	}
}

// toUpstream makes the handshake that the upstream gets: the client's, with the
// headers that say what is so in place of those that say what the client likes.
func (w *websockets) toUpstream(r *http.Request, t *tenant.Tenant, target *WebsocketTarget) *http.Request {
	inner := target.Inner && t.Routing.Folder != ""
	u := upstream.Target(target.Upstream, cmp.Or(r.RequestURI, r.URL.RequestURI()), inner, t.Path)
	out := &http.Request{URL: u, Header: r.Header.Clone()}
	hopByHop(out.Header)
	w.host.Forward(r, out, inner)
	if target.OwnHost {
		out.Host = u.Host
	}
	return out
}

// hopByHop removes the headers that are for the next hop alone (RFC 9110, 7.6.1).
func hopByHop(header http.Header) {
	for _, value := range header["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); !strings.HasPrefix(name, "Sec-Websocket-") {
				delete(header, name)
			}
		}
	}
	for _, name := range []string{"Connection", "Upgrade", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding"} {
		delete(header, name)
	}
}

// passOn answers with an upstream's refusal.
func passOn(rw http.ResponseWriter, answer *http.Response) {
	defer answer.Body.Close()
	upstream.CleanHead(answer.Header)
	maps.Copy(rw.Header(), answer.Header)
	if _, ok := answer.Header["Content-Type"]; !ok {
		rw.Header()["Content-Type"] = nil // net/http guesses none then
	}
	rw.WriteHeader(answer.StatusCode)
	if _, err := io.Copy(rw, answer.Body); err != nil {
		panic(http.ErrAbortHandler) // or the client would take what it got for the whole
	}
}
