package sockets

import (
	"net"
	"net/http"
	"sync"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// gobwasHandler is a plain server with gobwas/ws: a goroutine per connection, and
// a map with a mutex as the group.
func gobwasHandler() http.Handler {
	var group struct {
		sync.RWMutex
		conns map[*gobwasConn]struct{}
	}
	group.conns = map[*gobwasConn]struct{}{}
	mux := http.NewServeMux()
	mux.HandleFunc(EchoPath, func(w http.ResponseWriter, r *http.Request) {
		c, err := upgradeGobwas(w, r)
		if err != nil {
			return // UpgradeHTTP has written the response
		}
		go c.serve(func(b []byte) { c.send(ws.NewTextFrame(b)) }, func() {})
	})
	mux.HandleFunc(GroupPath, func(w http.ResponseWriter, r *http.Request) {
		c, err := upgradeGobwas(w, r)
		if err != nil {
			return
		}
		group.Lock()
		group.conns[c] = struct{}{}
		group.Unlock()
		c.send(ws.NewTextFrame([]byte(text)))
		go c.serve(func(b []byte) {
			frame := ws.MustCompileFrame(ws.NewTextFrame(b))
			group.RLock()
			defer group.RUnlock()
			for member := range group.conns {
				member.write(frame)
			}
		}, func() {
			group.Lock()
			delete(group.conns, c)
			group.Unlock()
		})
	})
	return mux
}

type gobwasConn struct {
	net.Conn
	writes sync.Mutex
}

func upgradeGobwas(w http.ResponseWriter, r *http.Request) (*gobwasConn, error) {
	conn, _, _, err := ws.UpgradeHTTP(r, w)
	return &gobwasConn{Conn: conn}, err
}

func (c *gobwasConn) serve(message func([]byte), closed func()) {
	defer c.Close()
	defer closed()
	for {
		b, _, err := wsutil.ReadClientData(c)
		if err != nil {
			return // the connection is closed
		}
		message(b)
	}
}

func (c *gobwasConn) send(f ws.Frame) { c.write(ws.MustCompileFrame(f)) }

func (c *gobwasConn) write(b []byte) {
	c.writes.Lock()
	defer c.writes.Unlock()
	_, _ = c.Conn.Write(b) // serve notices a closed connection
}
