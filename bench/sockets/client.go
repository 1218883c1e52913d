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

// timeout limits each step of a client.
const timeout = 60 * time.Second

// client is one websocket. It encodes and decodes frames by hand and has no
// buffer, since clients share the cores with the measured server.
type client struct{ conn net.Conn }

// dial opens the n-th websocket to a target. Each 10,000 use another source
// address, since an address has only about 28,000 ports to dial from.
func dial(ctx context.Context, t Target, path string, n int) (*client, error) {
	const perAddress = 10_000
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+t.Source+n/perAddress))}, Timeout: timeout}
	conn, err := d.DialContext(ctx, "tcp", t.Address)
	if err != nil {
		return nil, err
	}
	// Closing with a reset leaves no port in TIME_WAIT.
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
	if err := c.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	scheme := "http"
	if secure {
		scheme = "https"
	}
	key := base64.StdEncoding.EncodeToString(make([]byte, 16)) // no proxy caches it
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: %s\r\nOrigin: %s://%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		path, host, scheme, host, key); err != nil {
		return err
	}
	// Reads single bytes, so that no byte after the response is lost. The
	// handshake is not measured.
	response, err := http.ReadResponse(bufio.NewReaderSize(oneByte{c.conn}, 16), nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("sockets: expected 101, found %s", response.Status)
	}
	return c.conn.SetDeadline(time.Time{})
}

// oneByte reads at most one byte per call.
type oneByte struct{ io.Reader }

func (r oneByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:1]) }

// frame returns a masked text frame of at most 125 bytes. The mask is zero, which
// leaves the text unchanged.
func frame(text string) []byte {
	return append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
}

// frameSize is the size of a frame with the same text from a server.
func frameSize(text string) int { return 2 + len(text) }

func (c *client) write(b []byte) error {
	_, err := c.conn.Write(b)
	return err
}

// receive reads a number of frames of size bytes into buf and checks their
// headers.
func (c *client) receive(frames, size int, buf []byte) error {
	buf = buf[:len(buf)/size*size]
	for remaining := frames * size; remaining > 0; {
		n, err := io.ReadAtLeast(c.conn, buf[:min(remaining, len(buf))], size)
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
		remaining -= n
	}
	return nil
}
