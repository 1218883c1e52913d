package sockets

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// echo sends each message back.
type echo struct{}

func (echo) Open(*Conn)                             {}
func (echo) Message(c *Conn, op Op, payload []byte) { c.Send(op, payload) }
func (echo) Closed(*Conn, Code, string)             {}

// script is a handler of functions; those that are nil do nothing.
type script struct {
	open    func(*Conn)
	message func(*Conn, Op, []byte)
	closed  func(*Conn, Code, string)
}

func (s script) Open(c *Conn) {
	if s.open != nil {
		s.open(c)
	}
}

func (s script) Message(c *Conn, op Op, payload []byte) {
	if s.message != nil {
		s.message(c, op, payload)
	}
}

func (s script) Closed(c *Conn, code Code, reason string) {
	if s.closed != nil {
		s.closed(c, code, reason)
	}
}

// connKind is a kind of connection.
type connKind struct {
	name   string
	noPoll bool
	tls    bool
}

func (w connKind) polled() bool { return !w.noPoll && pollable }

var connKinds = []connKind{
	{"polled", false, false},
	{"goroutine", true, false},
	{"polled TLS", false, true},
	{"goroutine TLS", true, true},
}

func eachKind(t *testing.T, run func(t *testing.T, w connKind)) {
	for _, w := range connKinds {
		if !w.noPoll && !w.polled() {
			continue
		}
		t.Run(w.name, func(t *testing.T) { run(t, w) })
	}
}

// world is a server with a hub.
type world struct {
	hub     *Hub
	server  *httptest.Server
	tls     bool
	maxTLS  uint16 // newest TLS version of its clients; 0: any
	options Options
	dialer  net.Dialer       // of its clients
	serve   http.HandlerFunc // in place of Accept
}

func newWorld(t testing.TB, w connKind, config Config, options Options) *world {
	t.Helper()
	config.NoPoll = w.noPoll
	hub, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return serveHub(t, hub, w.tls, options)
}

func serveHub(t testing.TB, hub *Hub, secure bool, options Options) *world {
	t.Helper()
	options.AllowNoOrigin = true
	if options.Tenant == "" {
		options.Tenant = "acme"
	}
	world := &world{hub: hub, tls: secure, options: options}
	world.server = httptest.NewUnstartedServer(world)
	world.server.Listener = Listen(world.server.Listener)
	if secure {
		world.server.StartTLS()
	} else {
		world.server.Start()
	}
	t.Cleanup(func() {
		world.server.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		hub.Shutdown(ctx)
	})
	return world
}

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if w.serve != nil {
		w.serve(rw, r)
		return
	}
	w.hub.Accept(rw, r, w.options)
}

// dial opens a websocket that is closed after the test.
func (w *world) dial(t testing.TB, header http.Header) *client {
	t.Helper()
	full := handshakeHeader()
	maps.Copy(full, header)
	answer, c := w.handshake(t, "GET", "HTTP/1.1", full)
	if answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("expected status 101, found %d", answer.StatusCode)
	}
	return c
}

// handshake sends a request unchanged and returns the response.
func (w *world) handshake(t testing.TB, method, proto string, header http.Header) (*http.Response, *client) {
	t.Helper()
	c, answer, err := w.request(method, proto, header)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return answer, c
}

// open opens a websocket; nil if that fails.
func (w *world) open(header http.Header) *client {
	c, answer, err := w.request("GET", "HTTP/1.1", header)
	if err != nil {
		return nil
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		c.Close()
		return nil
	}
	return c
}

func (w *world) request(method, proto string, header http.Header) (*client, *http.Response, error) {
	return request(&w.dialer, w.server.Listener.Addr().String(), w.tls, w.maxTLS, method, proto, header)
}

func request(dialer *net.Dialer, address string, secure bool, maxTLS uint16, method, proto string, header http.Header) (*client, *http.Response, error) {
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	c := &client{Conn: conn}
	if secure {
		c.Conn = tls.Client(&holdingConn{Conn: conn}, &tls.Config{InsecureSkipVerify: true, MaxVersion: maxTLS})
	}
	c.r = bufio.NewReader(c)
	c.SetDeadline(time.Now().Add(30 * time.Second)) // so that a broken test fails instead of hanging
	var head strings.Builder
	fmt.Fprintf(&head, "%s / %s\r\nHost: acme.test\r\n", method, proto)
	header.Write(&head)
	if _, err := io.WriteString(c, head.String()+"\r\n"); err != nil {
		c.Close()
		return nil, nil, err
	}
	answer, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return c, answer, nil
}

// client is the client side of a websocket, with its frames.
type client struct {
	net.Conn
	r *bufio.Reader
}

// holdingConn is a connection below TLS that can buffer writes until its end, so
// that all bytes arrive together.
type holdingConn struct {
	net.Conn
	holds bool
	held  []byte
}

func (g *holdingConn) Write(p []byte) (int, error) {
	if !g.holds {
		return g.Conn.Write(p)
	}
	g.held = append(g.held, p...)
	return len(p), nil
}

func (g *holdingConn) Close() error {
	g.SetWriteDeadline(time.Time{}) // crypto/tls sets a deadline in the past after its last alert
	g.Conn.Write(g.held)
	return g.Conn.Close()
}

// holdWrites buffers the client's writes until its end.
func (c *client) holdWrites() {
	if secure, ok := c.Conn.(*tls.Conn); ok {
		secure.NetConn().(*holdingConn).holds = true
	}
}

// frame returns a client's frame.
func frame(op ws.OpCode, fin bool, payload []byte) []byte {
	return ws.MustCompileFrame(ws.MaskFrameWith(ws.NewFrame(op, fin, payload), [4]byte{1, 2, 3, 4}))
}

func (c *client) send(t testing.TB, op ws.OpCode, payload []byte) {
	t.Helper()
	if _, err := c.Write(frame(op, true, payload)); err != nil {
		t.Fatal(err)
	}
}

func (c *client) next() (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(c.r); err != nil {
		return f, err
	}
	if f.Header.Length > 32<<20 {
		return f, fmt.Errorf("a frame of %d bytes", f.Header.Length)
	}
	f.Payload = make([]byte, f.Header.Length)
	_, err = io.ReadFull(c.r, f.Payload)
	return f, err
}

func (c *client) expect(t testing.TB, op ws.OpCode, payload string) {
	t.Helper()
	f, err := c.next()
	if err != nil {
		t.Fatal(err)
	}
	if f.Header.OpCode != op || string(f.Payload) != payload {
		t.Fatalf("expected opcode %d with %.60q, found opcode %d with %.60q", op, payload, f.Header.OpCode, f.Payload)
	}
}

// expectClose reads up to the close frame, and to the end.
func (c *client) expectClose(t testing.TB, code Code) {
	t.Helper()
	for {
		f, err := c.next()
		if err != nil {
			t.Fatalf("expected a close frame with %d, found %v", code, err)
		}
		if f.Header.OpCode != ws.OpClose {
			continue
		}
		if got, _, _ := parseClose(f.Payload); got != code {
			t.Fatalf("expected close code %d, found %d", code, got)
		}
		return
	}
}

// expectEnd checks that the stream ends without a reset.
func (c *client) expectEnd(t testing.TB) {
	t.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		t.Fatalf("expected the end of the stream, found %d bytes and %v", len(rest), err)
	}
}

func closePayload(code Code) []byte { return binary.BigEndian.AppendUint16(nil, uint16(code)) }

// recorder records how connections ended.
type recorder struct{ ended chan Code }

func newRecorder() *recorder { return &recorder{ended: make(chan Code, 1000)} }

func (r *recorder) closed(_ *Conn, code Code, _ string) { r.ended <- code }

func (r *recorder) expect(t testing.TB, code Code) {
	t.Helper()
	select {
	case got := <-r.ended:
		if got != code {
			t.Fatalf("expected Closed with %d, found %d", code, got)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("expected Closed with %d, found no call", code)
	}
}
