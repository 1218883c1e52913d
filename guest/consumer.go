package guest

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/jsonread"
)

// Consumer handles the events of websockets. The host resets the guest's memory
// after each event, so variables do not survive it; Socket.SetState keeps state
// for the next one. The effects that a method requests on the socket take place
// in order after it returns, and not at all if the guest fails.
//
//	type echo struct{ guest.NopConsumer }
//
//	func (echo) Message(s *guest.Socket, m guest.Message) { s.Send(m) }
//
//	func init() { guest.Serve(guest.Handlers{Consumer: guest.Consume(echo{})}) }
type Consumer interface {
	// Open handles a handshake, which is accepted unless Open calls h.Reject.
	Open(s *Socket, h *Handshake)
	// Message handles a message of the client.
	Message(s *Socket, m Message)
	// Close handles the last event. The code is the client's, 1005 if it sent
	// none, or 1006 if the connection broke. The socket can still send to groups
	// and channels, but not to the client.
	Close(s *Socket, code int, reason string)
	// Group handles a message to a group of the socket, or to its channel. The
	// event is valid until Group returns.
	Group(s *Socket, e *Event)
	// Timer handles the expiry of the timer that Socket.SetTimer set.
	Timer(s *Socket)
}

// NopConsumer is a Consumer that accepts every websocket and does nothing. Embed
// it to implement only some of the methods.
type NopConsumer struct{}

// Open implements Consumer.
func (NopConsumer) Open(*Socket, *Handshake) {}

// Message implements Consumer.
func (NopConsumer) Message(*Socket, Message) {}

// Close implements Consumer.
func (NopConsumer) Close(*Socket, int, string) {}

// Group implements Consumer.
func (NopConsumer) Group(*Socket, *Event) {}

// Timer implements Consumer.
func (NopConsumer) Timer(*Socket) {}

// ByRoute is a Consumer that calls the consumer of the websocket's route. It
// rejects handshakes for other routes with status 404.
type ByRoute map[string]Consumer

// Open implements Consumer.
func (r ByRoute) Open(s *Socket, h *Handshake) {
	if c, ok := r[s.Route]; ok {
		c.Open(s, h)
		return
	}
	h.Reject(statusNotFound)
}

// Message implements Consumer.
func (r ByRoute) Message(s *Socket, m Message) { r.of(s).Message(s, m) }

// Close implements Consumer.
func (r ByRoute) Close(s *Socket, code int, reason string) { r.of(s).Close(s, code, reason) }

// Group implements Consumer.
func (r ByRoute) Group(s *Socket, e *Event) { r.of(s).Group(s, e) }

// Timer implements Consumer.
func (r ByRoute) Timer(s *Socket) { r.of(s).Timer(s) }

// of returns the consumer of an open socket. A guest that was swapped in after
// the handshake may have none for its route.
func (r ByRoute) of(s *Socket) Consumer {
	if c, ok := r[s.Route]; ok {
		return c
	}
	return unhandled{}
}

// unhandled closes sockets without a consumer, so that their clients reconnect.
type unhandled struct{ NopConsumer }

func (unhandled) Message(s *Socket, _ Message) { s.Close(serviceRestart, "") }
func (unhandled) Group(s *Socket, _ *Event)    { s.Close(serviceRestart, "") }
func (unhandled) Timer(s *Socket)              { s.Close(serviceRestart, "") }

const serviceRestart = 1012 // close code

// Handshake is a client's request to open a websocket.
type Handshake struct {
	Path      string   // decoded, as the tenant sees it
	Kwargs    string   // the route's values as one JSON object, empty if it has none
	Protocols []string // subprotocols that the client offers, in its order of preference
	Headers   []Header // values of abi.Configured.ConsumerHeaders, in that order
	status    int
	protocol  string
}

// Kwarg returns the route's value of that name, or "" if there is none. A value
// that is not a string is returned as JSON.
func (h *Handshake) Kwarg(name string) string {
	var value string
	_ = jsonread.Object(unsafeBytes(h.Kwargs), func(r *jsonread.Reader, key string) { // the host has made it
		switch {
		case key != name:
			r.Value()
		case r.IsText():
			r.Text(&value)
		default:
			value = string(r.Value())
		}
	})
	return value
}

// Reject rejects the handshake with an HTTP status of 400 to 599. Effects on the
// socket are dropped.
func (h *Handshake) Reject(status int) { h.status = status }

// Status returns the status that Reject has set, or 0.
func (h *Handshake) Status() int { return h.status }

// SetProtocol chooses a subprotocol, one of those that the client offers.
func (h *Handshake) SetProtocol(protocol string) { h.protocol = protocol }

// Message is a message from or to a client. The Data of one from a client is
// valid until the handler returns.
type Message struct {
	Binary bool
	Data   []byte
}

// Text returns the message as a string that shares the memory of Data.
func (m Message) Text() string { return text(m.Data) }

// Websockets is a consumer for [Handlers]. The code that calls it is linked only into
// guests that call Consume.
type Websockets struct {
	consumer Consumer
	routes   []routeConsumer // entries of consumer, if it is a small ByRoute
	call     func(w *Websockets, k kind, length uint32) []byte
}

// Consume returns c for Handlers.Consumer.
func Consume(c Consumer) *Websockets {
	w := &Websockets{consumer: c, call: (*Websockets).handle}
	w.listRoutes()
	return w
}

// event handles an event if the guest has a consumer.
func (w *Websockets) event(k kind, length uint32) []byte {
	if w == nil {
		return nil
	}
	return w.call(w, k, length)
}

// handle calls the consumer with the event of length bytes in the buffer. It returns
// nil, which fails the event, if the event is malformed.
func (w *Websockets) handle(k kind, length uint32) []byte {
	raw, ok := memory.begin(int(length))
	if !ok {
		return nil
	}
	s := &memory.socket
	word, data, ok := s.begin(raw)
	if !ok {
		return nil
	}
	c := w.consumerOf(s)
	switch k {
	case openCall:
		return w.open(c, s, raw)
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

// routeConsumer is an entry of a ByRoute.
type routeConsumer struct {
	route    string
	consumer Consumer
}

// maxListed is the number of routes up to which a list is faster than the map.
const maxListed = 8

// listRoutes copies a small ByRoute to a list.
func (w *Websockets) listRoutes() {
	r, ok := w.consumer.(ByRoute)
	if !ok || len(r) > maxListed {
		return
	}
	for name, consumer := range r {
		w.routes = append(w.routes, routeConsumer{name, consumer})
		// In the order of their names, so that all instances are alike.
		for i := len(w.routes) - 1; i > 0 && w.routes[i].route < w.routes[i-1].route; i-- {
			w.routes[i-1], w.routes[i] = w.routes[i], w.routes[i-1]
		}
	}
}

// consumerOf returns the consumer of a socket's events.
func (w *Websockets) consumerOf(s *Socket) Consumer {
	for i := range w.routes {
		if r := &w.routes[i]; r.route == s.Route {
			return r.consumer
		}
	}
	return w.consumer
}

// open calls the consumer with a handshake, which has more fields than other
// events.
func (w *Websockets) open(c Consumer, s *Socket, raw []byte) []byte {
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
