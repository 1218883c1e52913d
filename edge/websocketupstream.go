package edge

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/http1"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/upstream"
)

// relay joins the socket to an upstream's.
func (w *websockets) relay(rw http.ResponseWriter, r *http.Request, s *sockets.Handshake, target *WebsocketTarget) {
	app := upstream.Target{URL: target.Upstream, Inner: target.Inner, OwnHost: target.OwnHost}
	up, err := w.dialer.Dial(r.Context(), app.Request(w.host, r))
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

// passOn answers with an upstream's refusal.
func passOn(rw http.ResponseWriter, answer *http.Response) {
	defer answer.Body.Close()
	http1.CleanHead(answer.Header)
	maps.Copy(rw.Header(), answer.Header)
	if _, ok := answer.Header["Content-Type"]; !ok {
		rw.Header()["Content-Type"] = nil // net/http guesses none then
	}
	rw.WriteHeader(answer.StatusCode)
	if _, err := io.Copy(rw, answer.Body); err != nil {
		panic(http.ErrAbortHandler) // or the client would take what it got for the whole
	}
}
