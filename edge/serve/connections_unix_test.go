//go:build unix

package serve

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"testing"
)

// A connection whose request has arrived is not closed for a new one, even if it
// has waited longest.
func TestAConnectionWithARequestStaysOpen_A9(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := newConnections(&usage{measure: func() (int, int) { return 0, 0 }}, slog.New(slog.DiscardHandler))
	c.setLimit(2)
	var accepted []net.Conn
	for _, text := range []string{"GET / HTTP/1.1\r\n", "", ""} {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(client, text); err != nil {
			t.Fatal(err)
		}
		for text != "" && !unread(conn) {
			runtime.Gosched()
		}
		accepted = append(accepted, conn)
		c.stateChanged(conn, http.StateNew)
	}
	if c.open[accepted[0]] == nil || c.open[accepted[1]] != nil || c.open[accepted[2]] == nil {
		t.Errorf("open: %v, %v, %v; expected only the silent one to be closed", c.open[accepted[0]] != nil, c.open[accepted[1]] != nil, c.open[accepted[2]] != nil)
	}
}
