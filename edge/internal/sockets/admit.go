package sockets

import (
	"net/http"
	"slices"
)

// Handshake is a valid request for a websocket. It counts as one of its tenant's
// connections. The caller must call exactly one of Accept, Reject and Relay.
type Handshake struct {
	hub     *Hub
	w       http.ResponseWriter
	r       *http.Request
	options Options
	conn    *Conn
}

// Admit checks a request for a websocket against RFC 6455, the allowed origins
// and the tenant's limits. For a request that fails it writes the response, and
// returns a *Rejection.
func (h *Hub) Admit(w http.ResponseWriter, r *http.Request, o Options) (*Handshake, error) {
	if rejection := o.Check(r); rejection != nil {
		return nil, h.reject(w, o, rejection)
	}
	c := &Conn{hub: h, id: h.lastID.Add(1)}
	if !h.join(c, &o) {
		return nil, h.reject(w, o, &Rejection{http.StatusServiceUnavailable, "the limit of concurrent connections is reached"})
	}
	return &Handshake{h, w, r, o, c}, nil
}

// Protocols returns the subprotocols that the client offers, in its order of
// preference.
func (s *Handshake) Protocols() []string {
	all, _ := parseTokens(s.r.Header["Sec-Websocket-Protocol"]) // Admit has checked them
	return all
}

// Reject ends the handshake. The caller writes the response.
func (s *Handshake) Reject() {
	s.hub.counters.rejected.Add(1)
	s.hub.leave(s.conn)
}

// Accept opens the websocket for a handler. protocols and header replace
// Options.Protocols and Options.Header. An error means that the connection to the
// client is lost.
func (s *Handshake) Accept(handler Handler, protocols []string, header http.Header) (*Conn, error) {
	c := s.conn
	c.handler = handler
	protocol, extension := "", ""
	if i := slices.IndexFunc(s.Protocols(), func(name string) bool { return slices.Contains(protocols, name) }); i >= 0 {
		protocol = s.Protocols()[i]
	}
	if mode := s.hub.config.Compression; mode != CompressionOff {
		extensions, _ := parseExtensions(s.r.Header["Sec-Websocket-Extensions"]) // Admit has checked them
		if offers := deflateOffers(extensions); len(offers) > 0 {
			answer, agreed := mode.agree(offers[0])
			extension, c.deflate = answer.String(), &compression{parameters: agreed}
		}
	}
	conn, err := s.upgrade(header, protocol, extension)
	if err != nil {
		return nil, err
	}
	s.hub.attach(c, conn)
	s.hub.enlist(c)
	c.notifyOpen()
	s.hub.start(c)
	return c, nil
}
