package websocket

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// Handler handles the websockets of a route. Config.Handlers registers it under the
// name that Target.Handler has. Blocking is a Handler that runs a function.
type Handler interface {
	// Connect decides on a handshake that was routed and whose origin and limits
	// were checked. It returns the consumer of the websocket's events, or a
	// *Rejection for an HTTP status. Any other error is a 500.
	Connect(r *Request) (Consumer, error)
}

// Request is a handshake.
type Request struct {
	// Request is the HTTP request, with the URL as the tenant sees it and without
	// headers that clients must not set. Its context ends when Connect returns. A
	// consumer should not keep it: that costs kilobytes for each websocket.
	*http.Request
	Tenant    *tenant.Tenant
	Route     string   // name of the route that matched
	Kwargs    string   // values of the path as a JSON object; empty: none
	Protocols []string // subprotocols that the client offers, in its order of preference

	// Protocol is the subprotocol of the answer: Connect sets it to one of
	// Protocols, or leaves it empty.
	Protocol string
	// ResponseHeader has further fields of the answer: Connect adds them.
	ResponseHeader http.Header
}

// Value returns a value of the path as text: the digits of <int:page>. It is empty
// if the route has no such value.
func (r *Request) Value(name string) string {
	var values map[string]json.RawMessage
	if json.Unmarshal([]byte(r.Kwargs), &values) != nil {
		return ""
	}
	var text string
	if json.Unmarshal(values[name], &text) != nil {
		return string(values[name])
	}
	return text
}

// Rejection rejects a handshake with an HTTP status.
type Rejection struct {
	Status int    // 4xx or 5xx
	Reason string // for logs
}

func (r *Rejection) Error() string {
	return fmt.Sprintf("websocket: handshake rejected with %d: %s", r.Status, r.Reason)
}

// Consumer handles the events of one websocket, one after the other. An idle
// websocket has no goroutine and no buffer. While a method runs, nothing is read
// from the client, so a consumer that waits slows its client down. About 1,000
// consumers of a process can wait at the same time.
type Consumer interface {
	// Open is called first.
	Open(c *Conn)
	// Message is called for each message; payload is valid until it returns.
	Message(c *Conn, kind Kind, payload []byte)
	// Closed is called last, once: with the client's code, or the code that the
	// websocket was closed with, 1005 without a code, 1006 without a close frame.
	Closed(c *Conn, code int, reason string)
}

// GroupConsumer is a Consumer that receives the messages to its groups and to its
// channel, except those of the types websocket.send (with text or bytes) and
// websocket.close (with code and reason), which go to the client directly.
type GroupConsumer interface {
	// Group is called by the sender, possibly while another method runs. It must
	// not wait.
	Group(c *Conn, m *channel.Message)
}

// InterruptionConsumer is a Consumer that handles interruptions of the channel
// layer. Without it, an interruption closes the websocket with 1012, so that the
// client connects again and sees what it missed.
type InterruptionConsumer interface {
	// Interrupted is called with channel.ErrBroken when messages may be lost, and
	// with nil when the layer works again. It must not wait.
	Interrupted(c *Conn, err error)
}
