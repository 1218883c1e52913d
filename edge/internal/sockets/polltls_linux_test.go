package sockets

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// byteWriter forwards bytes one at a time, each in one segment.
type byteWriter struct{ net.Conn }

func (d byteWriter) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := d.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// crypto/tls keeps the part of a record that it has after a temporary error.
// Its documentation does not promise that.
func TestRecordsThatArriveByteByByteAreReadWithoutBlocking(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			world := newWorld(t, connKind{tls: true}, Config{}, Options{Handler: echo{}})
			raw, err := net.Dial("tcp", world.server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			raw.(*net.TCPConn).SetNoDelay(true)
			conn := tls.Client(byteWriter{raw}, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(30 * time.Second))
			var head strings.Builder
			head.WriteString("GET / HTTP/1.1\r\nHost: acme.test\r\n")
			handshakeHeader().Write(&head)
			io.WriteString(conn, head.String()+"\r\n")
			c := &client{Conn: conn, r: bufio.NewReader(conn)}
			if answer, err := http.ReadResponse(c.r, nil); err != nil || answer.StatusCode != 101 {
				t.Fatal(answer, err)
			}
			for i := range 20 {
				text := strings.Repeat("x", i*i*i)
				c.send(t, ws.OpText, fmt.Append(nil, i, text))
				c.expect(t, ws.OpText, fmt.Sprint(i, text))
			}
			if stats := world.hub.Stats(); stats.Polled != 1 {
				t.Errorf("expected the connection to be polled, found %+v", stats)
			}
			c.send(t, ws.OpClose, closePayload(CodeNormal))
			c.expectClose(t, CodeNormal)
			c.expectEnd(t)
		})
	}
}
