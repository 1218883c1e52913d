package websocket

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/http1"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/trace"
	"github.com/tenantedge/tenantedge/edge/upstream"
)

// relay opens a websocket to an application and relays the client's websocket to it.
func (s *Server) relay(w http.ResponseWriter, r *http.Request, h *sockets.Handshake, target *Target) {
	app := upstream.Target{URL: target.Upstream, Inner: target.Inner, OwnHost: target.OwnHost, Tracer: s.edge.Tracer}
	began := time.Now()
	ctx, span := trace.Start(s.edge.Tracer, r.Context(), "websocket upstream")
	if span != nil {
		r = r.WithContext(ctx)
	}
	up, err := s.dialer.Dial(ctx, app.Request(s.edge.Host, r))
	if span != nil {
		span.End(err)
	}
	if s.config.Answered != nil {
		s.config.Answered(r, time.Since(began))
	}
	var answered *sockets.StatusError
	var timeout net.Error
	switch {
	case err == nil:
		s.accept(r, up.Header)
		_, _ = h.Relay(up, up.Header) // fails if the client has disconnected
	case errors.As(err, &answered):
		h.Reject()
		passOn(w, answered.Response)
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		h.Reject()
		s.reject(w, r, http.StatusGatewayTimeout, "the websocket upstream did not answer in time", err)
	default:
		h.Reject()
		s.reject(w, r, http.StatusBadGateway, "the websocket upstream failed", err)
	}
}

// passOn answers with the application's rejection.
func passOn(w http.ResponseWriter, answer *http.Response) {
	defer answer.Body.Close()
	http1.CleanHead(answer.Header)
	maps.Copy(w.Header(), answer.Header)
	if _, ok := answer.Header["Content-Type"]; !ok {
		w.Header()["Content-Type"] = nil // net/http then leaves it out
	}
	w.WriteHeader(answer.StatusCode)
	if _, err := io.Copy(w, answer.Body); err != nil {
		panic(http.ErrAbortHandler) // the client must notice that the answer is incomplete
	}
}
