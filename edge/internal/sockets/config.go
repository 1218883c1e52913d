package sockets

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/tenantedge/tenantedge/edge/stats"
)

// Config is the configuration of a hub. The zero value is valid; zero fields have
// their defaults.
type Config struct {
	// MaxFrame and MaxMessage bound the frames and messages of a peer, in bytes;
	// MaxMessage applies to the compressed and to the inflated size. A larger one
	// closes the connection with 1009. Default: 16 MiB.
	MaxFrame, MaxMessage int64
	// MaxQueue bounds the write queue of a connection, in bytes. The message that
	// reaches it is queued; the next one closes the connection with 1013. While
	// the queue is more than half full, nothing is read from the peer. Default:
	// 256 KiB.
	MaxQueue int
	// MaxInflated bounds the bytes of inflated messages that all connections
	// handle concurrently; one tenant may use half of it. A message that exceeds
	// it closes its connection with 1013. At least four times MaxMessage. Default:
	// 16 times MaxMessage, at least 256 MiB.
	MaxInflated int64
	// Compression selects what is negotiated of permessage-deflate. Default: none.
	Compression Compression
	// CompressAbove is the size in bytes from which messages are compressed.
	// Default: 128.
	CompressAbove int
	// PingInterval is how long a peer may be silent before it gets a ping,
	// PongTimeout how long it may then stay silent. Default: 30 s and 20 s.
	PingInterval, PongTimeout time.Duration
	// IdleTimeout closes connections whose peer sent no message for so long, with
	// 1001, whether or not it answers pings. Default: none.
	IdleTimeout time.Duration
	// HandshakeTimeout bounds writing the response to a handshake
	// (http.Server.ReadHeaderTimeout bounds reading the request), WriteTimeout a
	// write without progress, CloseTimeout each wait for the peer during the close
	// handshake. Default: 10 s, 10 s, 5 s.
	HandshakeTimeout, WriteTimeout, CloseTimeout time.Duration
	// MaxWorkers bounds the callbacks of polled connections that run
	// concurrently. Workers are started as needed. Default: 1024.
	MaxWorkers int
	// NoPoll disables epoll: every connection has a goroutine.
	NoPoll bool
	// Elsewhere counts a tenant's connections to other hubs, which count for the same
	// limits, and the descriptors that they take. nil: there are none.
	Elsewhere func(tenant string) (connections, descriptors int)
	// Log gets the panics of handlers. Default: slog.Default().
	Log *slog.Logger
}

// SetDefaults sets the zero fields to their defaults, except MaxInflated.
func (c *Config) SetDefaults() {
	const mebi = 1 << 20
	c.MaxFrame = cmp.Or(c.MaxFrame, 16*mebi)
	c.MaxMessage = cmp.Or(c.MaxMessage, 16*mebi)
	c.MaxQueue = cmp.Or(c.MaxQueue, 256<<10)
	c.CompressAbove = cmp.Or(c.CompressAbove, 128)
	c.PingInterval = cmp.Or(c.PingInterval, 30*time.Second)
	c.PongTimeout = cmp.Or(c.PongTimeout, 20*time.Second)
	c.HandshakeTimeout = cmp.Or(c.HandshakeTimeout, 10*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 10*time.Second)
	c.CloseTimeout = cmp.Or(c.CloseTimeout, 5*time.Second)
	c.MaxWorkers = cmp.Or(c.MaxWorkers, 1024)
	if c.Log == nil {
		c.Log = slog.Default()
	}
}

// validate checks the fields and sets defaults.
func (c *Config) validate() error {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"MaxFrame", c.MaxFrame}, {"MaxMessage", c.MaxMessage}, {"MaxInflated", c.MaxInflated},
		{"PingInterval", int64(c.PingInterval)}, {"PongTimeout", int64(c.PongTimeout)}, {"IdleTimeout", int64(c.IdleTimeout)},
		{"HandshakeTimeout", int64(c.HandshakeTimeout)}, {"WriteTimeout", int64(c.WriteTimeout)}, {"CloseTimeout", int64(c.CloseTimeout)},
		{"MaxQueue", int64(c.MaxQueue)}, {"CompressAbove", int64(c.CompressAbove)}, {"MaxWorkers", int64(c.MaxWorkers)},
	} {
		if f.value < 0 {
			return fmt.Errorf("sockets: %s: expected a positive value, or 0 for the default, found %d", f.name, f.value)
		}
	}
	c.SetDefaults()
	c.MaxInflated = cmp.Or(c.MaxInflated, max(256<<20, 16*c.MaxMessage))
	if c.MaxInflated < 4*c.MaxMessage {
		return fmt.Errorf("sockets: MaxInflated: expected at least four times the %d bytes of MaxMessage, found %d", c.MaxMessage, c.MaxInflated)
	}
	if c.Compression > CompressionWithContext {
		return fmt.Errorf("sockets: Compression: expected one of the constants, found %d", c.Compression)
	}
	return nil
}

// Options are the parameters of one handshake.
type Options struct {
	// Tenant is the key for the limits and for CloseTenant.
	Tenant string
	// Limits are the tenant's.
	Limits Limits
	// Relays announces a call of Relay: the connection uses two descriptors.
	Relays bool
	// Handler gets the connection's events. Use one handler for each connection,
	// so that its fields can hold the connection's state.
	Handler Handler
	// AllowOrigin reports whether an Origin is allowed. Default: only the origin of
	// the request's host.
	AllowOrigin func(Origin) bool
	// AllowNoOrigin allows clients that send no Origin. Browsers always send one,
	// so a request that looks like a browser's is rejected even then.
	AllowNoOrigin bool
	// Protocols are the supported subprotocols. The first supported one that the
	// client offers is chosen, if any.
	Protocols []string
	// Header is added to the response.
	Header http.Header
	// Meter returns what counts the use of the Tenant's websockets. It is called for the
	// first of them, and released after the last one. nil: nothing is counted.
	Meter func() stats.Meter
	// OnReject writes the response to a rejected handshake; the headers for its
	// status are set. Default: http.Error.
	OnReject func(w http.ResponseWriter, rejection *Rejection)
}

// Limits bound the connections of a tenant together; 0 is no limit.
type Limits struct {
	// Connections bounds the connections; further handshakes are rejected with 503.
	Connections int
	// Descriptors bounds the descriptors of connections and of the upstreams they
	// are relayed to. Further handshakes are rejected with 503, except for a first
	// connection.
	Descriptors int
	// Messages bounds the messages a second from the tenant's peers, Burst those
	// at once (default: Messages). A message beyond it closes its connection with
	// 1013.
	Messages, Burst int
	// Queued bounds the bytes in all write queues of the tenant. A connection that
	// exceeds it is closed with 1013.
	Queued int64
}

// Handler handles the events of one connection, one at a time. It may call any
// method of the connection.
type Handler interface {
	// Open is called first, before Accept returns and before anything is read.
	Open(c *Conn)
	// Message is called for each message. The payload is valid until it returns.
	Message(c *Conn, op Op, payload []byte)
	// Closed is called once, after the last message. The code is that of the
	// close frame that the peer or this side sent first, or CodeAbnormal.
	Closed(c *Conn, code Code, reason string)
}
