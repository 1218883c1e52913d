package websocket

import (
	"net"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// NewListener wraps a TCP listener for TLS, so that idle websockets over TLS need
// no goroutine. Websockets without TLS need none in any case.
//
//	server.ServeTLS(websocket.NewListener(listener), "", "")
//
// On systems other than Linux it returns l.
func NewListener(l net.Listener) net.Listener { return sockets.Listen(l) }
