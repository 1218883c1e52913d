//go:build !unix

package http1

import "net"

// rawConn cannot inspect connections on this system, so none is reused.
type rawConn struct {
	conn  net.Conn
	found arrived
}

func (c *rawConn) init(conn net.Conn) { c.conn, c.found = conn, ended }

func (c *rawConn) arrived() arrived { return ended }

func (c *rawConn) exchange(request sender, _ bool, p []byte) (int, error) {
	request.send()
	return c.conn.Read(p)
}
