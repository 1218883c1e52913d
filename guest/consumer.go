package guest

import (
	"maps"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Consumer handles websockets: each method gets one event of one of them. The
// host calls it in a guest as it was configured, so nothing that a method keeps
// in a variable is there at the next event: that is what the socket's state is
// for. What a method asks of the socket happens, in order, when it returns;
// nothing of it happens if the guest fails.
//
//	type echo struct{ guest.Quiet }
//
//	func (echo) Message(s *guest.Socket, m guest.Message) { s.Send(m) }
//
//	func init() { guest.Serve(guest.Handlers{Consumer: echo{}}) }
type Consumer interface {
	// Open is a handshake. It is accepted unless Open refuses it.
	Open(s *Socket, h *Handshake)
	// Message is a message of the client.
	Message(s *Socket, m Message)
	// Close comes last: the code is the client's or, where it sent none, 1005,
	// or 1006 if the connection broke. The client cannot be reached any more,
	// groups can.
	Close(s *Socket, code int, reason string)
	// Group is a message to a group that the socket is in, or to its channel.
	// The event is gone when the handler returns.
	Group(s *Socket, e *Event)
	// Timer comes once after Socket.SetTimer.
	Timer(s *Socket)
}

// Quiet is a Consumer that accepts every websocket and does nothing. Embed it
// to implement but what a consumer needs.
type Quiet struct{}

// Open implements Consumer.
func (Quiet) Open(*Socket, *Handshake) {}

// Message implements Consumer.
func (Quiet) Message(*Socket, Message) {}

// Close implements Consumer.
func (Quiet) Close(*Socket, int, string) {}

// Group implements Consumer.
func (Quiet) Group(*Socket, *Event) {}

// Timer implements Consumer.
func (Quiet) Timer(*Socket) {}

// ByRoute is a Consumer of consumers, by the name of their route. A handshake
// of a route that it does not know is refused with 404.
type ByRoute map[string]Consumer

// Open implements Consumer.
func (r ByRoute) Open(s *Socket, h *Handshake) {
	if c, ok := r[s.Route]; ok {
		c.Open(s, h)
		return
	}
	h.Refuse(statusNotFound)
}

// Message implements Consumer.
func (r ByRoute) Message(s *Socket, m Message) { r.of(s).Message(s, m) }

// Close implements Consumer.
func (r ByRoute) Close(s *Socket, code int, reason string) { r.of(s).Close(s, code, reason) }

// Group implements Consumer.
func (r ByRoute) Group(s *Socket, e *Event) { r.of(s).Group(s, e) }

// Timer implements Consumer.
func (r ByRoute) Timer(s *Socket) { r.of(s).Timer(s) }

// of is the consumer of a socket that is open. Its route may be unknown to a
// guest that came after the handshake.
func (r ByRoute) of(s *Socket) Consumer {
	if c, ok := r[s.Route]; ok {
		return c
	}
	return lost{}
}

// lost tells the client of a socket that no consumer handles any more to come
// again.
type lost struct{ Quiet }

func (lost) Message(s *Socket, _ Message) { s.Close(closeRestart, "") }
func (lost) Group(s *Socket, _ *Event)    { s.Close(closeRestart, "") }
func (lost) Timer(s *Socket)              { s.Close(closeRestart, "") }

const closeRestart = 1012

// Handshake is what is known of a websocket that a client would like to open.
type Handshake struct {
	Path      string   // decoded, as the tenant sees it
	Kwargs    string   // the route's values as one JSON object, empty if it has none
	Protocols []string // subprotocols that the client offers, the one it prefers first
	Headers   []Header // the configuration's ConsumerHeaders, in that order
	status    int
	protocol  string
}

// Kwarg is one of the route's values; a number is as the path has it. It is
// empty if there is none of that name.
func (h *Handshake) Kwarg(name string) string {
	var value string
	r := jsonReader{b: unsafeBytes(h.Kwargs)}
	r.object(func(key string) {
		raw := r.any()
		switch {
		case key != name:
		case len(raw) > 0 && raw[0] == '"':
			(&jsonReader{b: raw}).text(&value)
		default:
			value = string(raw)
		}
	})
	return value
}

// Refuse answers the handshake with an HTTP status of 400 to 599; what was
// asked of the socket is dropped.
func (h *Handshake) Refuse(status int) { h.status = status }

// Refused is the status that the handshake is refused with, 0 if it is not.
func (h *Handshake) Refused() int { return h.status }

// Speak chooses a subprotocol, which must be one that the client offers.
func (h *Handshake) Speak(protocol string) { h.protocol = protocol }

// Message is a message of a client, or to one. Data lies in a buffer that is
// gone when the handler returns.
type Message struct {
	Binary bool
	Data   []byte
}

// Text is the message as a string, which shares Data.
func (m Message) Text() string { return text(m.Data) }

// socketEvent hands an event to the guest's consumer. It answers nil, by which
// the event fails, if the message is malformed.
func (g *guest) socketEvent(k kind, length uint32) []byte {
	raw, ok := memory.begin(int(length))
	if !ok || g.Consumer == nil {
		return nil
	}
	s := &memory.socket
	word, data, ok := s.begin(raw)
	if !ok {
		return nil
	}
	c := g.consumerOf(s)
	switch k {
	case openCall:
		return g.open(c, s, raw)
	case messageCall:
		c.Message(s, Message{Binary: word&abi.EventBinary != 0, Data: unsafeBytes(data)})
	case groupCall:
		e := &memory.incoming
		if !e.parse(data) {
			return nil
		}
		c.Group(s, e)
	case timerCall:
		c.Timer(s)
	case closeCall:
		c.Close(s, int(word>>abi.EventCodeShift), data)
	}
	return memory.effects(0, "", s)
}

// routed is an entry of a ByRoute.
type routed struct {
	route    string
	consumer Consumer
}

// mostRouted is how many routes are sooner looked at than looked up.
const mostRouted = 8

// listRoutes takes a short ByRoute apart.
func (g *guest) listRoutes() {
	g.routes = nil
	r, ok := g.Consumer.(ByRoute)
	if !ok || len(r) > mostRouted {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r)) {
		g.routes = append(g.routes, routed{name, r[name]})
	}
}

// consumerOf is who handles a socket's events.
func (g *guest) consumerOf(s *Socket) Consumer {
	for i := range g.routes {
		if r := &g.routes[i]; r.route == s.Route {
			return r.consumer
		}
	}
	return g.Consumer
}

// open reads what a handshake has beside other events.
func (g *guest) open(c Consumer, s *Socket, raw []byte) []byte {
	m, err := abi.Parse(raw)
	if err != nil {
		return nil
	}
	h := Handshake{Path: text(m.Get(abi.EventPath)), Kwargs: text(m.Get(abi.EventKwargs))}
	if offered := m.Get(abi.EventProtocols); len(offered) > 0 {
		h.Protocols = strings.Split(text(offered), "\n")
	}
	for i := range min(m.Len()-abi.EventHeader0, maxHeaders) {
		value, present := m.Field(abi.EventHeader0 + i)
		h.Headers = append(h.Headers, Header{Value: text(value), Present: present})
	}
	c.Open(s, &h)
	if h.status != 0 {
		return memory.effects(uint32(h.status)<<abi.EffectsStatusShift, "", &Socket{})
	}
	return memory.effects(0, h.protocol, s)
}
