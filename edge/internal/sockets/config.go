package sockets

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Config is what all connections of a hub share. The zero value is valid; a
// zero field stands for its default.
type Config struct {
	// MaxFrame and MaxMessage bound what a peer may send, in bytes; MaxMessage
	// counts them compressed and inflated. Beyond it: 1009. Default: 16 MiB.
	MaxFrame, MaxMessage int64
	// MaxQueue bounds the bytes that wait for a peer that reads slowly. The
	// message that reaches it is taken, the next one not: 1013. From half of it
	// on, the peer is not listened to. Default: 256 KiB.
	MaxQueue int
	// MaxInflated bounds the bytes of inflated messages that are handled at the
	// same time, of all connections; one tenant has half of it. The connection
	// whose message goes beyond it is closed with 1013. At least four times
	// MaxMessage. Default: 16 times MaxMessage, at least 256 MiB.
	MaxInflated int64
	// Compression is what is negotiated of permessage-deflate. Default: none.
	Compression Compression
	// CompressAbove is the size from which messages are compressed. Default: 128.
	CompressAbove int
	// PingInterval is how long a peer may be silent before it is asked for a
	// sign of life, PongTimeout how long it then has. Default: 30 s and 20 s.
	PingInterval, PongTimeout time.Duration
	// IdleTimeout closes connections (1001) whose peer sent no message for so
	// long, alive or not. Default: none.
	IdleTimeout time.Duration
	// HandshakeTimeout bounds the answer to a handshake (its request is bounded
	// by http.Server.ReadHeaderTimeout), WriteTimeout a write without progress,
	// CloseTimeout the wait for a peer's part in closing. Default: 10 s, 10 s, 5 s.
	HandshakeTimeout, WriteTimeout, CloseTimeout time.Duration
	// MaxWorkers bounds the callbacks of polled connections that run at the same
	// time. Default: 1024. There are no more than are needed.
	MaxWorkers int
	// NoPoll gives every connection a goroutine.
	NoPoll bool
	// Log gets the panics of handlers. Default: slog.Default().
	Log *slog.Logger
}

// validate puts in the defaults.
func (c *Config) validate() error {
	const mebi = 1 << 20
	for _, f := range []struct {
		name    string
		value   *int64
		initial int64
	}{
		{"MaxFrame", &c.MaxFrame, 16 * mebi},
		{"MaxMessage", &c.MaxMessage, 16 * mebi},
		{"MaxInflated", &c.MaxInflated, 0},
		{"PingInterval", (*int64)(&c.PingInterval), int64(30 * time.Second)},
		{"PongTimeout", (*int64)(&c.PongTimeout), int64(20 * time.Second)},
		{"IdleTimeout", (*int64)(&c.IdleTimeout), 0},
		{"HandshakeTimeout", (*int64)(&c.HandshakeTimeout), int64(10 * time.Second)},
		{"WriteTimeout", (*int64)(&c.WriteTimeout), int64(10 * time.Second)},
		{"CloseTimeout", (*int64)(&c.CloseTimeout), int64(5 * time.Second)},
	} {
		if *f.value < 0 {
			return fmt.Errorf("sockets: %s: expected a positive value, or 0 for the default, found %d", f.name, *f.value)
		}
		if *f.value == 0 {
			*f.value = f.initial
		}
	}
	for _, f := range []struct {
		name    string
		value   *int
		initial int
	}{{"MaxQueue", &c.MaxQueue, 256 << 10}, {"CompressAbove", &c.CompressAbove, 128}, {"MaxWorkers", &c.MaxWorkers, 1024}} {
		if *f.value < 0 {
			return fmt.Errorf("sockets: %s: expected a positive value, or 0 for the default, found %d", f.name, *f.value)
		}
		if *f.value == 0 {
			*f.value = f.initial
		}
	}
	if c.MaxInflated == 0 {
		c.MaxInflated = max(256*mebi, 16*c.MaxMessage)
	}
	if c.MaxInflated < 4*c.MaxMessage {
		return fmt.Errorf("sockets: MaxInflated: expected at least four times the %d bytes of MaxMessage, found %d", c.MaxMessage, c.MaxInflated)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Compression > CompressionWithContext {
		return fmt.Errorf("sockets: Compression: expected one of the constants, found %d", c.Compression)
	}
	return nil
}

// Options are what one handshake is accepted with.
type Options struct {
	// Tenant is the key that limits are counted by, and CloseTenant goes by.
	Tenant string
	// Limits are the tenant's.
	Limits Limits
	// Relays is set where Relay follows: the connection takes two descriptors.
	Relays bool
	// Handler gets the connection's events. It is the connection's own: its
	// fields are the place for what belongs to the connection.
	Handler Handler
	// AllowOrigin decides about the Origin of a handshake. Default: the request's
	// own host.
	AllowOrigin func(Origin) bool
	// AllowNoOrigin lets clients in that send no Origin. Browsers always send
	// one, so what looks like a browser's handshake is refused all the same.
	AllowNoOrigin bool
	// Protocols are the subprotocols that the handler speaks. The first one the
	// client offers that is among them is chosen; with none in common, none is.
	Protocols []string
	// Header is added to the answer of the handshake.
	Header http.Header
	// StatusError answers a handshake that is refused; headers that its status asks
	// for are set. Default: http.Error.
	OnReject func(w http.ResponseWriter, refusal *Rejection)
}

// Limits bound what the connections of a tenant take together; 0 is no limit.
type Limits struct {
	// Connections beyond it are refused with 503.
	Connections int
	// Descriptors are those of the connections and of the upstreams that they are
	// relayed to. Beyond it a connection is refused with 503, unless it is the only one.
	Descriptors int
	// Messages is how many a second the tenant's peers may send, Burst how many
	// at once (default: as many as in a second). Who sends beyond it is closed
	// with 1013.
	Messages, Burst int
	// Queued is how many bytes may wait for the tenant's slow readers together.
	// Who makes it more is closed with 1013.
	Queued int64
}

// Handler gets the events of one connection, one after the other. It may call
// any method of the connection.
type Handler interface {
	// Open comes first, before Accept returns and before anything is read.
	Open(c *Conn)
	// Message comes for each message. The payload is valid until it returns.
	Message(c *Conn, op Op, payload []byte)
	// Closed comes once, as soon as no further message will: the code is the
	// peer's, or the one it was closed with from here, or CodeAbnormal.
	Closed(c *Conn, code Code, reason string)
}
