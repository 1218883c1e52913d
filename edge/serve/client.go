package serve

import (
	"context"
	"net"
)

// clientKey is that of a client's connection, in the contexts of its requests.
type clientKey struct{}

// clientConn is a client's connection. Each connection has its own.
type clientConn struct{ conn net.Conn }

func withClient(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, clientKey{}, &clientConn{conn})
}

// clientOf returns the client connection of a request; nil: it has none.
func clientOf(ctx context.Context) any { return ctx.Value(clientKey{}) }
