package serve

import (
	"context"
	"net"
)

// clientKey is the key of the client's connection in the context of a request.
type clientKey struct{}

// clientConn is a client's connection. A pointer to it identifies the connection.
type clientConn struct{ conn net.Conn }

func withClient(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, clientKey{}, &clientConn{conn})
}

// clientOf returns the client connection of a request, or nil if there is none.
func clientOf(ctx context.Context) any { return ctx.Value(clientKey{}) }
