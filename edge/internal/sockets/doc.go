// Package sockets implements the websocket protocol, and a hub of connections.
// The smallest working call:
//
//	hub, err := sockets.New(sockets.Config{})
//	…
//	http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
//		// For a rejected handshake, Accept has written the response.
//		hub.Accept(w, r, sockets.Options{Tenant: "acme", Handler: echo{}})
//	})
//
// Accept returns immediately. The callbacks of a connection are called one at a
// time and in order, on workers of the hub, never on the event loop. While one
// runs, nothing is read from its connection, so a slow handler slows only its own
// peer.
//
// On Linux, epoll watches plain TCP connections, and TLS connections of listeners
// from Listen: an idle one has neither a goroutine nor a buffer. All other
// connections have a goroutine. Stats counts both kinds.
//
// The protocol is RFC 6455 with RFC 7692. Frame functions, masking and the
// handshake are those of github.com/gobwas/ws; no other package imports it.
package sockets
