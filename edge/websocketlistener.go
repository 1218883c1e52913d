package edge

import (
	"net"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// WebsocketListener wraps a TCP listener that TLS is put on, so that websockets
// over TLS are held without a goroutine each, as those without TLS are anyway:
//
//	server.ServeTLS(edge.WebsocketListener(listener), "", "")
//
// Other systems than Linux get the listener as it is.
func WebsocketListener(l net.Listener) net.Listener { return sockets.Listen(l) }
