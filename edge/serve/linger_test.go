package serve

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func withLinger(longest time.Duration) func(*setup) {
	return func(s *setup) { s.options.Limits.ShutdownLinger = longest }
}

// dialIdle opens a connection and sends requests on it, so that it is idle.
func (w *world) dialIdle(requests int) (net.Conn, *bufio.Reader) {
	w.Helper()
	c, err := net.Dial("tcp", w.addr())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Close() })
	answers := bufio.NewReader(c)
	for range requests {
		if resp := w.ask(c, answers); resp.Close {
			w.Fatal("the edge closes the connection before the shutdown")
		}
	}
	return c, answers
}

func (w *world) ask(c net.Conn, answers *bufio.Reader) *http.Response {
	w.Helper()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: acme.example.com\r\nContent-Length: 1\r\n\r\nx"); err != nil {
		w.Fatal(err)
	}
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		w.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		w.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

// A client does not know yet that the edge shuts down when it sends its next request,
// or its first one.
func TestAShutdownAnswersOneMoreRequestOnIdleConnections(t *testing.T) {
	w := start(t, withLinger(patience))
	used, usedAnswers := w.dialIdle(2)
	fresh, freshAnswers := w.dialIdle(0)
	w.eventually("both connections are accepted", func() bool { open, _ := w.server.connections.count(); return open == 2 })
	w.end()
	w.eventually("the listener is closed", w.refusesConnections)
	for name, c := range map[string]struct {
		net.Conn
		answers *bufio.Reader
	}{"used": {used, usedAnswers}, "fresh": {fresh, freshAnswers}} {
		if resp := w.ask(c, c.answers); resp.StatusCode != http.StatusOK || !resp.Close {
			t.Errorf("%s: %s, Connection: close %v", name, resp.Status, resp.Close)
		}
		if _, err := c.answers.ReadByte(); err != io.EOF {
			t.Errorf("%s: %v, expected the end of the connection", name, err)
		}
	}
	if err := <-w.ended; err != nil { // without waiting for the rest of the time
		t.Error(err)
	}
}

func TestAShutdownClosesConnectionsThatStayIdle(t *testing.T) {
	w := start(t, withLinger(10*time.Millisecond))
	_, used := w.dialIdle(1)
	_, fresh := w.dialIdle(0)
	w.eventually("both connections are accepted", func() bool { open, _ := w.server.connections.count(); return open == 2 })
	w.end()
	for name, answers := range map[string]*bufio.Reader{"used": used, "fresh": fresh} {
		if _, err := answers.ReadByte(); err == nil {
			t.Errorf("%s: expected the end of the connection", name)
		}
	}
	if err := <-w.ended; err != nil {
		t.Error(err)
	}
}

func TestAnAddressMeansTheSocketThatListensOnIt(t *testing.T) {
	for _, c := range []struct {
		socket, address string
		want            bool
	}{
		{"[::]:8080", ":8080", true},
		{"0.0.0.0:8080", ":8080", true},
		{"[::]:8080", "[::]:8080", true},
		{"127.0.0.1:8080", "127.0.0.1:8080", true},
		{"[::ffff:127.0.0.1]:8080", "127.0.0.1:8080", true},
		{"[::1]:8080", "localhost:8080", true},
		{"127.0.0.1:8080", ":8080", false},
		{"127.0.0.1:8080", "127.0.0.1:80", false},
		{"127.0.0.1:8080", "127.0.0.1:0", false},
		{"192.0.2.1:8080", "localhost:8080", false},
		{"127.0.0.1:8080", "edge.example:8080", false},
		{"127.0.0.1:8080", "nonsense", false},
	} {
		if got := isAddress(netip.MustParseAddrPort(c.socket), c.address); got != c.want {
			t.Errorf("isAddress(%s, %q) = %v", c.socket, c.address, got)
		}
	}
}

func TestTheAdminListenerMustNotBeASocketThatOthersReach(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("sockets are not inherited on Windows")
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File() // a copy, as systemd passes it
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := ports{inherited: inherited{files: []*os.File{f}}}
	_, err = p.prepare(settings{}, []wish{{kind: forAdmin, address: "systemd:" + f.Name(), serve: func(settings) *http.Server { return &http.Server{} }}}, forAdmin)
	if err == nil || !strings.Contains(err.Error(), "admin: expected a loopback address, or both admin_tls and admin_tokens") {
		t.Errorf("the error is %v", err)
	}
}

func TestAServerThatNoLongerAcceptsIsNotAlive(t *testing.T) {
	w := start(t)
	if err := w.server.Alive(t.Context(), time.Hour); err != nil {
		t.Error(err)
	}
	open := w.server.ports.list[clientPort(w)]
	open.server.listener.away.Store(1) // since 1970
	if err := w.server.Alive(t.Context(), time.Hour); err == nil || !strings.Contains(err.Error(), "expected that it accepts connections") {
		t.Errorf("the error is %v", err)
	}
	w.get("acme.example.com", "/")
	w.eventually("it accepts again", func() bool { return w.server.Alive(t.Context(), time.Hour) == nil })
}

func clientPort(w *world) int {
	for i, open := range w.server.ports.list {
		if open.kind == forClients {
			return i
		}
	}
	w.Fatal("no listener for clients")
	return -1
}
