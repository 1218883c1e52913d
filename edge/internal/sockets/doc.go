// Package sockets is the websocket protocol of the edge and the hub that holds
// the connections. The smallest working call:
//
//	hub, err := sockets.New(sockets.Config{})
//	…
//	http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
//		// A refused handshake has been answered with its status.
//		hub.Accept(w, r, sockets.Options{Tenant: "acme", Handler: echo{}})
//	})
//
// Accept returns at once. Callbacks of one connection come one after the other
// and in order, on workers of the hub, never on an event loop; while one runs,
// nothing more is read from that connection, so a handler that waits slows its
// peer down and nobody else.
//
// On Linux a plain TCP connection is held by epoll, without a goroutine and
// without a buffer while it is idle, and so is TLS if the listener was made by
// Listen. Everything else has a goroutine. Stats tells how many are held which
// way.
//
// The formats are those of RFC 6455 and RFC 7692. Frame functions, masking and
// the handshake are github.com/gobwas/ws; no other package imports it.
package sockets
