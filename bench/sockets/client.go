package sockets

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// patience is how long a client waits for what must come.
const patience = 60 * time.Second

// client is one websocket. It writes and reads frames by hand and keeps no
// buffer: what clients cost is taken from the same cores as what is measured.
type client struct{ conn net.Conn }

// dial opens a websocket. The n-th comes from an address of its own for each
// 10,000, since an address has no more than some 28,000 ports to dial from.
func dial(ctx context.Context, t Target, path string, n int) (*client, error) {
	const perAddress = 10_000
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+t.Source+n/perAddress))}, Timeout: patience}
	conn, err := d.DialContext(ctx, "tcp", t.Address)
	if err != nil {
		return nil, err
	}
	// A reset at the end keeps no port waiting.
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if t.TLS {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: t.Host}) // a certificate made for this run
	}
	c := &client{conn}
	if err := c.open(t.Host, path, t.TLS); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) open(host, path string, secure bool) error {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	scheme := "http"
	if secure {
		scheme = "https"
	}
	key := base64.StdEncoding.EncodeToString(make([]byte, 16)) // nobody to hide from
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: %s\r\nOrigin: %s://%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		path, host, scheme, host, key); err != nil {
		return err
	}
	// Byte by byte: nothing that follows the answer may be lost, and this is not
	// what is measured.
	answer, err := http.ReadResponse(bufio.NewReaderSize(oneByte{c.conn}, 16), nil)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("sockets: expected 101, found %s", answer.Status)
	}
	return c.conn.SetDeadline(time.Time{})
}

// oneByte reads single bytes.
type oneByte struct{ io.Reader }

func (r oneByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:1]) }

// frame is a masked text frame of at most 125 bytes; the mask is zero, which
// leaves the text as it is.
func frame(text string) []byte {
	return append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
}

// back is how long the same text is when a server sends it.
func back(text string) int { return 2 + len(text) }

func (c *client) write(b []byte) error {
	_, err := c.conn.Write(b)
	return err
}

// take reads so many frames of a size, with a buffer of the caller's, and
// checks that they are what they should be.
func (c *client) take(frames, size int, buf []byte) error {
	buf = buf[:len(buf)/size*size]
	for left := frames * size; left > 0; {
		n, err := io.ReadAtLeast(c.conn, buf[:min(left, len(buf))], size)
		if err != nil {
			return err
		}
		if rest := n % size; rest != 0 {
			more, err := io.ReadFull(c.conn, buf[n:n+size-rest])
			if err != nil {
				return err
			}
			n += more
		}
		for at := 0; at < n; at += size {
			if head := binary.BigEndian.Uint16(buf[at:]); head != uint16(0x8100|(size-2)) {
				return fmt.Errorf("sockets: expected a text frame of %d bytes, found one that begins with %#04x", size-2, head)
			}
		}
		left -= n
	}
	return nil
}
