package edge

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/consumer"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// consumerWorld is a server whose websockets the guest handles. The first segment
// of the path is the route, the query has its values, and the header Schema the
// tenant's schema.
type consumerWorld struct {
	host   *Host
	hub    *sockets.Hub
	layer  channel.Layer
	server *httptest.Server
	log    *logBook
}

func newConsumerWorld(t testing.TB, guest []byte, change func(*Config)) *consumerWorld {
	t.Helper()
	w := &consumerWorld{log: &logBook{}}
	w.host = newHost(t, func(c *Config) {
		c.Guest = guest
		c.Logger = slog.New(slog.NewTextHandler(w.log, nil))
		if change != nil {
			change(c)
		}
	})
	var err error
	if w.hub, err = sockets.New(sockets.Config{MaxFrame: 32 << 20, MaxMessage: 32 << 20}); err != nil {
		t.Fatal(err)
	}
	if w.layer, err = channel.NewMemory(channel.Config{}); err != nil {
		t.Fatal(err)
	}
	w.server = serveSockets(w)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := w.hub.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := w.host.consumers.Drain(ctx); err != nil {
			t.Error(err)
		}
		w.server.Close()
		if s := w.host.consumers.Stats(); s.Open != 0 || s.Ready {
			t.Errorf("resources remain: %+v", s)
		}
		if s := w.layer.Stats(); s.Channels != 0 || s.Memberships != 0 {
			t.Errorf("%d channels and %d memberships of the layer remain", s.Channels, s.Memberships)
		}
	})
	return w
}

func (w *consumerWorld) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	schema := r.Header.Get("Schema")
	scope, err := w.layer.For(schema)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	var kwargs []string
	for name, values := range r.URL.Query() {
		kwargs = append(kwargs, fmt.Sprintf("%q:%q", name, values[0]))
	}
	q := consumer.Request{
		Tenant: &tenant.Tenant{Schema: schema, ID: "7", Dynamic: true, Identifier: "id-" + schema, Path: r.URL.Path}, Route: strings.TrimPrefix(r.URL.Path, "/"),
		Kwargs: "{" + strings.Join(kwargs, ",") + "}", Header: r.Header, Scope: scope,
	}
	for _, p := range strings.Split(r.Header.Get("Sec-Websocket-Protocol"), ",") {
		if p = strings.TrimSpace(p); p != "" {
			q.Protocols = append(q.Protocols, p)
		}
	}
	c, rejection, err := w.host.consumers.Open(r.Context(), q)
	switch {
	case err != nil:
		w.host.config.Logger.Info("the handshake failed", "error", err)
		rw.WriteHeader(AsRouteError(public(err)).Status)
		return
	case rejection != nil:
		rw.WriteHeader(rejection.Status)
		return
	}
	o := sockets.Options{Tenant: schema, Handler: c, AllowNoOrigin: true}
	if p := c.Protocol(); p != "" {
		o.Protocols = []string{p}
	}
	if _, err := w.hub.Accept(rw, r, o); err != nil {
		c.Abandon()
	}
}

// visitor is a client.
type visitor struct {
	net.Conn
	in       *bufio.Reader
	protocol string
}

// connect makes a handshake and returns the status. The visitor is nil if the handshake
// is rejected.
func (w *consumerWorld) connect(t testing.TB, schema, target string, header ...string) (*visitor, int) {
	t.Helper()
	return handshake(t, w.server.Listener.Addr().String(), schema, target, header...)
}

func handshake(t testing.TB, address, schema, target string, header ...string) (*visitor, int) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute)) // so that a broken test fails instead of hanging
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: acme.test\r\nSchema: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n", target, schema, strings.Join(header, "\r\n")+strings.Repeat("\r\n", min(1, len(header))))
	v := &visitor{Conn: conn, in: bufio.NewReader(conn)}
	answer, err := http.ReadResponse(v.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		conn.Close()
		return nil, answer.StatusCode
	}
	v.protocol = answer.Header.Get("Sec-Websocket-Protocol")
	return v, answer.StatusCode
}

// visit opens a websocket of the route script, whose open event runs a script.
func (w *consumerWorld) visit(t testing.TB, schema string, script ...string) *visitor {
	t.Helper()
	v, status := w.connect(t, schema, "/script?script="+url.QueryEscape(strings.Join(script, "\n")))
	if v == nil {
		t.Fatalf("the handshake got status %d", status)
	}
	return v
}

// clientFrame returns a masked frame.
func clientFrame(op sockets.Op, payload []byte) []byte {
	b := []byte{0x80 | byte(op)}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...) // the mask is zero
}

// sends sends lines as one text message.
func (v *visitor) sends(t testing.TB, lines ...string) {
	t.Helper()
	if _, err := v.Write(clientFrame(sockets.Text, []byte(strings.Join(lines, "\n")))); err != nil {
		t.Fatal(err)
	}
}

// read returns the next frame. It answers pings, which the server sends when a busy
// machine keeps a visitor silent for long.
func (v *visitor) read() (op byte, payload []byte, err error) {
	const ping, pong = 9, 10
	for {
		if op, payload, err = v.frame(); err != nil || op != ping {
			return op, payload, err
		}
		if _, err = v.Write(clientFrame(pong, payload)); err != nil {
			return op, payload, err
		}
	}
}

func (v *visitor) frame() (op byte, payload []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(v.in, head[:2]); err != nil {
		return 0, nil, err
	}
	op = head[0] & 0xf
	n := uint64(head[1])
	switch n {
	case 126:
		_, err = io.ReadFull(v.in, head[:2])
		n = uint64(binary.BigEndian.Uint16(head[:]))
	case 127:
		_, err = io.ReadFull(v.in, head[:])
		n = binary.BigEndian.Uint64(head[:])
	}
	if err != nil || n > 32<<20 {
		return 0, nil, fmt.Errorf("a frame of %d bytes: %w", n, err)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(v.in, payload)
	return op, payload, err
}

func (v *visitor) receives(t testing.TB, texts ...string) {
	t.Helper()
	for _, want := range texts {
		op, payload, err := v.read()
		if err != nil || op != byte(sockets.Text) || string(payload) != want {
			t.Fatalf("received %q (opcode %d, %v), expected %q", payload, op, err, want)
		}
	}
}

// isClosed expects a close frame next.
func (v *visitor) isClosed(t testing.TB, code sockets.Code, reason string) {
	t.Helper()
	op, payload, err := v.read()
	if err != nil || op != 8 || len(payload) < 2 {
		t.Fatalf("received %q (opcode %d, %v), expected to be closed with %d", payload, op, err, code)
	}
	if got := sockets.Code(binary.BigEndian.Uint16(payload)); got != code || string(payload[2:]) != reason {
		t.Fatalf("closed with %d %q, expected %d %q", got, payload[2:], code, reason)
	}
}

// logBook is a log that tests can read.
type logBook struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.Write(p)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.String()
}
