package edge

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// consumerRequest is a handshake that the guest is to answer: it was routed,
// and holds what the host knows of it. Strings and slices are not kept but for
// those of the tenant and the route.
type consumerRequest struct {
	Schema     string // the tenant's
	TenantID   string // empty for a static tenant
	Identifier string
	Route      string // name of the websocket route that matched
	Kwargs     string // its values as one JSON object; empty: none
	Path       string // decoded path as the tenant sees it
	Protocols  []string
	// Header is the request's, by canonical names. The guest sees those
	// headers that it asked for when it was configured.
	Header http.Header
	// Scope is the tenant's part of the channel layer; nil: there are no groups.
	Scope channel.Scope
	// Logger gets what goes wrong with the connection; nil: the Host's.
	Logger *slog.Logger
}

// Refused is a handshake that gets an HTTP status in place of a websocket: the
// guest wants it so, or what it needs is not there. The reason is for logs.
type Refused struct {
	Status int // 4xx or 5xx
	Reason string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("edge: websocket refused with %d: %s", r.Status, r.Reason)
}

// consumer is one websocket that the guest handles. It is the handler of the
// hub's connection, and the receiver of the channel that the connection has as
// long as it is in groups.
type consumer struct {
	place *place
}

// place is what the websockets of one tenant and route have in common.
type place struct {
	host *Host
}

// openConsumer runs the guest's open event. With neither *Refused nor error the
// handshake is to be accepted with the consumer as its handler and Protocol as
// its subprotocol; if that fails, abandon must be called. What the guest wants
// sent goes out when the hub calls Open. The error is one of Route's.
func (h *Host) openConsumer(ctx context.Context, r consumerRequest) (*consumer, *Refused, error) {
	return nil, &Refused{http.StatusServiceUnavailable, "the guest has no consumer"}, nil
}

// Protocol is the subprotocol that the guest chose, one of those offered; empty
// if it chose none. It holds until Open.
func (c *consumer) Protocol() string { return "" }

// abandon lets go of a consumer whose handshake failed after openConsumer. The
// guest hears nothing of it: nothing that it wanted has happened yet.
func (c *consumer) abandon() {}

// Open implements sockets.Handler.
func (c *consumer) Open(conn *sockets.Conn) {}

// Message implements sockets.Handler.
func (c *consumer) Message(conn *sockets.Conn, op sockets.Op, payload []byte) {}

// Closed implements sockets.Handler.
func (c *consumer) Closed(conn *sockets.Conn, code sockets.Code, reason string) {}

// Receive implements channel.Receiver.
func (c *consumer) Receive(m *channel.Message) bool { return false }

// Interrupted implements channel.Receiver.
func (c *consumer) Interrupted(err error) {}

var (
	_ sockets.Handler  = (*consumer)(nil)
	_ channel.Receiver = (*consumer)(nil)
)
