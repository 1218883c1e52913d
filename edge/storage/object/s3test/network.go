package s3test

import (
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// Network is a proxy in front of a server. It can stop forwarding bytes while all
// connections stay open.
type Network struct {
	listener net.Listener
	up, down atomic.Int64 // bytes that it still forwards

	mu    sync.Mutex
	conns []net.Conn
}

// NewNetwork returns a network that forwards everything.
func NewNetwork(tb testing.TB, of *Server) *Network {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	server, err := url.Parse(of.URL())
	if err != nil {
		tb.Fatal(err)
	}
	n := &Network{listener: l}
	n.Restore()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", server.Host)
			if err != nil { // the server was killed
				_ = client.Close()
				continue
			}
			n.mu.Lock()
			n.conns = append(n.conns, client, to)
			n.mu.Unlock()
			all.Go(func() { pass(to, client, &n.up) })
			all.Go(func() { pass(client, to, &n.down) })
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		n.hangUp()
		all.Wait()
	})
	return n
}

// Address returns the host and port of the proxy.
func (n *Network) Address() string { return n.listener.Addr().String() }

// Limit stops the network after a number of bytes to the server, or from it.
func (n *Network) Limit(up, down int64) { n.up.Store(up); n.down.Store(down) }

// Unlimited is more bytes than any test sends.
const Unlimited = 1 << 40

// Restore closes all connections, and forwards everything on new ones.
func (n *Network) Restore() {
	n.Limit(Unlimited, Unlimited)
	n.hangUp()
}

func (n *Network) hangUp() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		_ = c.Close()
	}
	n.conns = nil
}

// pass forwards bytes up to the limit. Then it stops reading and leaves the
// connections open: the peer's writes fill the buffers, its reads wait.
func pass(to, from net.Conn, left *atomic.Int64) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			_ = to.Close()
			return
		}
		if left.Add(int64(-n)) < 0 {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			_ = from.Close()
			return
		}
	}
}
