package sockets

import (
	"net/http"
	"slices"
)

// Handshake is a request for a websocket that was found good, and counts among
// its tenant's connections. Exactly one of its methods is to be called.
type Handshake struct {
	hub     *Hub
	w       http.ResponseWriter
	r       *http.Request
	options Options
	conn    *Conn
}

// Admit checks a request for a websocket against RFC 6455, the allowed origins
// and the tenant's limits, before anybody else is bothered with it. A request
// that fails has been answered, and the error is a *Refusal.
func (h *Hub) Admit(w http.ResponseWriter, r *http.Request, o Options) (*Handshake, error) {
	if refusal := o.Check(r); refusal != nil {
		return nil, h.reject(w, o, refusal)
	}
	c := &Conn{hub: h, id: h.lastID.Add(1)}
	if !h.join(c, &o) {
		return nil, h.reject(w, o, &Rejection{http.StatusServiceUnavailable, "no more connections are taken"})
	}
	return &Handshake{h, w, r, o, c}, nil
}

// Protocols are the subprotocols that the client offers, the one it likes best
// first.
func (s *Handshake) Protocols() []string {
	all, _ := parseTokens(s.r.Header["Sec-Websocket-Protocol"]) // they were checked
	return all
}

// Reject ends the handshake, which the caller answers.
func (s *Handshake) Reject() {
	s.hub.counters.rejected.Add(1)
	s.hub.leave(s.conn)
}

// Accept opens the websocket for a handler, with Options.Protocols and Header as
// they were, or with others. An error means that the client was lost.
func (s *Handshake) Accept(handler Handler, protocols []string, header http.Header) (*Conn, error) {
	c := s.conn
	c.handler = handler
	protocol, extension := "", ""
	if i := slices.IndexFunc(s.Protocols(), func(name string) bool { return slices.Contains(protocols, name) }); i >= 0 {
		protocol = s.Protocols()[i]
	}
	if mode := s.hub.config.Compression; mode != CompressionOff {
		extensions, _ := parseExtensions(s.r.Header["Sec-Websocket-Extensions"]) // they were checked
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
