//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// unit runs an edge as systemd runs a service with socket units: it opens the
// sockets, passes them to each process, and receives the notifications.
type unit struct {
	t       *testing.T
	config  string
	names   []string
	sockets []*os.File
	notify  *net.UnixConn
	env     []string
	c       *exec.Cmd
	errors  bytes.Buffer
}

// newUnit opens a socket for each name. It returns their addresses too.
func newUnit(t *testing.T, names ...string) (*unit, []string) {
	t.Helper()
	u := &unit{t: t, names: names}
	addresses := make([]string, len(names))
	for i := range names {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close(); f.Close() })
		u.sockets, addresses[i] = append(u.sockets, f), l.Addr().String()
	}
	folder, err := os.MkdirTemp("", "notify") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	at := filepath.Join(folder, "s")
	if u.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.notify.Close() })
	u.env = []string{"NOTIFY_SOCKET=" + at}
	return u, addresses
}

// start starts a process. LISTEN_PID is its own, which only a shell in the process
// can know.
func (u *unit) start() {
	u.t.Helper()
	u.c = exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, os.Args[0], "serve", "-c", u.config)
	u.c.ExtraFiles = u.sockets
	u.c.Env = append(os.Environ(), asProgram+"=1", fmt.Sprintf("LISTEN_FDS=%d", len(u.sockets)), "LISTEN_FDNAMES="+strings.Join(u.names, ":"))
	u.c.Env = append(u.c.Env, u.env...)
	u.errors.Reset()
	u.c.Stderr = &u.errors
	if err := u.c.Start(); err != nil {
		u.t.Fatal(err)
	}
	started := u.c
	u.t.Cleanup(func() { _ = started.Process.Kill() }) // it has ended, unless the test failed
}

// stop ends the process as systemd does.
func (u *unit) stop() {
	u.t.Helper()
	u.signal(syscall.SIGTERM)
	if err := u.c.Wait(); err != nil {
		u.t.Errorf("the edge ended with %v:\n%s", err, &u.errors)
	}
}

func (u *unit) signal(s os.Signal) {
	u.t.Helper()
	if err := u.c.Process.Signal(s); err != nil {
		u.t.Fatal(err)
	}
}

// notified waits for a notification that has a line with the prefix, and returns it.
func (u *unit) notified(prefix string) string {
	u.t.Helper()
	if err := u.notify.SetReadDeadline(time.Now().Add(patience)); err != nil {
		u.t.Fatal(err)
	}
	for b := make([]byte, 4096); ; {
		n, err := u.notify.Read(b)
		if err != nil {
			u.t.Fatalf("waiting for %s: %v", prefix, err)
		}
		for line := range strings.SplitSeq(string(b[:n]), "\n") {
			if strings.HasPrefix(line, prefix) {
				return string(b[:n])
			}
		}
	}
}

// application answers requests, and accepts websockets without ever sending on them.
func application(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	key := r.Header.Get("Sec-WebSocket-Key")
	if key == "" {
		_, _ = io.WriteString(w, "answered")
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	_, _ = io.Copy(io.Discard, buffered)
}

// load is the work of clients while processes are replaced.
type load struct {
	t        *testing.T
	address  string
	stop     chan struct{}
	clients  sync.WaitGroup
	requests atomic.Int64
	failed   atomic.Int64
	opened   atomic.Int64 // websockets
	leaving  atomic.Int64 // websockets closed with 1001
}

func (l *load) String() string {
	return fmt.Sprintf("%d requests and %d websockets, of which %d were closed with 1001; %d failed",
		l.requests.Load(), l.opened.Load(), l.leaving.Load(), l.failed.Load())
}

func (l *load) fail(format string, args ...any) {
	if l.failed.Add(1) < 10 {
		l.t.Errorf(format, args...)
	}
}

// run runs do in n clients until end is called.
func (l *load) run(n int, do func()) {
	for range n {
		l.clients.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
					do()
				}
			}
		})
	}
}

// more waits until the clients have got n more answers.
func (l *load) more(n int64) {
	l.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for all := l.requests.Load() + n; l.requests.Load() < all; {
		select {
		case <-tick.C:
		case <-deadline:
			l.t.Fatalf("the clients get no answers: %v", l)
		}
	}
}

func (l *load) end() {
	close(l.stop)
	l.clients.Wait()
}

// post returns a client that sends requests that nothing repeats on its behalf.
func (l *load) post(keepAlive bool) func() {
	transport := &http.Transport{DisableKeepAlives: !keepAlive}
	l.t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: patience}
	return func() {
		r, err := http.NewRequest(http.MethodPost, "http://"+l.address+"/", struct{ io.Reader }{strings.NewReader("body")})
		if err != nil {
			l.t.Fatal(err)
		}
		r.ContentLength = 4
		r.Host = "acme.example.com"
		response, err := client.Do(r)
		if err != nil {
			l.fail("keep-alive %v: %v", keepAlive, err)
			return
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || string(body) != "answered" {
			l.fail("keep-alive %v: %s, %q, %v", keepAlive, response.Status, body, err)
		}
		l.requests.Add(1)
	}
}

// websocket keeps a websocket open and opens the next one when it is closed.
func (l *load) websocket() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := http.NewRequest(http.MethodGet, "ws://"+l.address+"/socket/", nil)
	if err != nil {
		l.t.Fatal(err)
	}
	r.Host = "acme.example.com"
	r.Header.Set("Origin", "http://acme.example.com")
	up, err := (&sockets.Dialer{Timeout: patience, HandshakeTimeout: patience}).Dial(ctx, r)
	if err != nil {
		l.fail("websocket: %v", err)
		return
	}
	l.opened.Add(1)
	client := sockets.NewClient(up, 1<<20)
	defer client.Drop()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-l.stop:
			_ = client.Close(sockets.CodeNormal, "")
		case <-ended:
		}
	}()
	_, _, err = client.Read()
	var closed *sockets.CloseError
	switch {
	case !errors.As(err, &closed):
		l.fail("websocket: %v", err)
	case closed.Code == sockets.CodeGoingAway:
		l.leaving.Add(1)
	case closed.Code != sockets.CodeNormal:
		l.fail("websocket: closed with %d", closed.Code)
	}
}

// The sockets stay with systemd while one process ends and the next one starts:
// requests wait in them, and none is lost. Clients with idle connections are told to
// close them, and websockets to reconnect.
func TestAnUpgradeUnderLoadFailsNoRequest(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(application))
	defer app.Close()
	u, addresses := newUnit(t, "http", "admin")
	upstream := strings.TrimPrefix(app.URL, "http://")
	u.config = writeFile(t, "edge.yaml", fmt.Sprintf(`
listeners: ["systemd:http"]
admin: %s
tenants: {acme: {DOMAINS: [acme.example.com], URLCONF: app, WS_URLCONF: ws}}
urlconfs: {app: "http://%s"}
ws_urlconfs: {ws: [{path: socket/, name: socket, upstream: "ws://%[2]s"}]}
`, addresses[1], upstream))
	u.start()
	u.notified("READY=1")
	l := &load{t: t, address: addresses[0], stop: make(chan struct{})}
	for range 4 {
		l.run(1, l.post(true))
		l.run(1, l.post(false))
	}
	l.run(5, l.websocket)
	const upgrades = 3
	for range upgrades {
		l.more(200)
		u.stop()
		u.start()
		u.notified("READY=1")
	}
	l.end()
	u.stop()
	t.Logf("%v, during %d upgrades", l, upgrades)
	if l.failed.Load() > 0 || l.leaving.Load() < upgrades {
		t.Errorf("%d requests failed, expected none; %d websockets were told to reconnect", l.failed.Load(), l.leaving.Load())
	}
}

func TestServeReportsItsStateToSystemd(t *testing.T) {
	u, addresses := newUnit(t, "http")
	u.config = writeFile(t, "edge.yaml", "admin: off\nlisteners: ['"+addresses[0]+"']\n")
	u.env = append(u.env, "WATCHDOG_USEC=200000")
	u.start()
	u.notified("STATUS=Loading")
	if got := u.notified("READY=1"); !strings.Contains(got, "STATUS=Serving; static tenants only, 0 requests in progress") {
		t.Errorf("READY=1 comes with %q", got)
	}
	u.notified("WATCHDOG=1")
	u.notified("WATCHDOG=1")
	u.signal(syscall.SIGHUP)
	if got := u.notified("RELOADING=1"); !strings.Contains(got, "MONOTONIC_USEC=") {
		t.Errorf("RELOADING=1 comes with %q, expected the time", got)
	}
	u.notified("READY=1")
	u.signal(syscall.SIGTERM)
	u.notified("STOPPING=1")
	if err := u.c.Wait(); err != nil {
		t.Error(err)
	}
}

func TestASocketOfSystemdThatIsMissingOrUnusedIsNamed(t *testing.T) {
	u, addresses := newUnit(t, "http", "other")
	u.config = writeFile(t, "edge.yaml", "admin: off\nlisteners: ['systemd:web']\n")
	u.start()
	if err := u.c.Wait(); err == nil || !strings.Contains(u.errors.String(), `listeners: expected a socket with the name "web" from systemd, found http, other; set FileDescriptorName=web`) {
		t.Errorf("%v\n%s", err, &u.errors)
	}
	u.config = writeFile(t, "edge.yaml", "admin: off\nlisteners: ['systemd:http']\n")
	u.start()
	u.notified("READY=1")
	u.stop()
	if !strings.Contains(u.errors.String(), "no listener uses a socket of systemd") || !strings.Contains(u.errors.String(), `"socket":"other"`) {
		t.Errorf("the log about %s:\n%s", addresses[1], &u.errors)
	}
}

// .ci/debtest.sh runs this test beside an edge that systemd restarts. Each line of the
// standard input says what the edge did. Once the clients have got further answers, it is
// printed with what they did until then. The test ends with the input.
func TestClientsOfARunningEdge(t *testing.T) {
	address := os.Getenv("TENANTEDGE_LOAD")
	if address == "" {
		t.Skip("it needs an edge; run make deb-test")
	}
	listener, err := net.Listen("tcp", os.Getenv("TENANTEDGE_LOAD_APP"))
	if err != nil {
		t.Fatal(err)
	}
	app := &http.Server{Handler: http.HandlerFunc(application), ReadHeaderTimeout: patience}
	go func() { _ = app.Serve(listener) }() // until it is closed
	defer app.Close()
	l := &load{t: t, address: address, stop: make(chan struct{})}
	for range 8 {
		l.run(1, l.post(true))
		l.run(1, l.post(false))
	}
	l.run(20, l.websocket)
	for did := bufio.NewScanner(os.Stdin); did.Scan(); {
		l.more(200)
		fmt.Printf("after %s: %v\n", did.Text(), l)
	}
	l.end()
	fmt.Printf("together: %v\n", l)
	if l.failed.Load() > 0 || l.leaving.Load() == 0 {
		t.Errorf("%d requests failed, expected none; %d websockets were told to reconnect", l.failed.Load(), l.leaving.Load())
	}
}
