//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel/redistest"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/storage/object/s3test"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
	"github.com/tenantedge/tenantedge/tenantdb/testserver"
)

// outageWorld has all servers that edges depend on, each in a process of its own, and
// two edges that depend on them.
type outageWorld struct {
	*fleetWorld
	sessions *pgtest.Server // server is that of the directory, the queries and the fleet
	redis    *redistest.Server
	bucket   *s3test.Server
	app      *testserver.Server // of the tenant t1
	wasm     string
	fresh    atomic.Int64 // number of made-up sessions and files
}

func startOutageWorld(t *testing.T) *outageWorld {
	t.Helper()
	w := &outageWorld{fleetWorld: &fleetWorld{T: t, folder: t.TempDir()}}
	w.app = startPython(t)
	var starts sync.WaitGroup
	starts.Go(func() { w.server = pgtest.StartOwn(t) })
	starts.Go(func() { w.sessions = pgtest.StartOwn(t) })
	starts.Go(func() { w.redis = redistest.StartOwn(t) })
	starts.Go(func() { w.bucket = s3test.StartOwn(t) })
	starts.Wait()
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	for name, value := range map[string]string{
		"TENANTEDGE_TOKEN": "a token that only tests have", "TENANTEDGE_TEST_KEY": djangoSecretKey,
		"TENANTEDGE_TEST_ACCESS": s3test.AccessKey, "TENANTEDGE_TEST_SECRET": s3test.SecretKey,
	} {
		t.Setenv(name, value)
	}
	w.wasm = string(wasmtest.Guest(t, "edge/cmd/tenantedge/testdata/depending"))
	guest, directory, sessions, bucket := w.file("depending.wasm", w.wasm), w.server.NewDB(t), w.sessions.NewDB(t), w.bucket.NewBucket(t)
	for _, name := range []string{"edge1", "edge2"} {
		e := &fleetEdge{w: w.fleetWorld, name: name, address: freeAddress(t), admin: freeAddress(t), logs: &syncBuffer{}}
		// The limits of time are generous where no server is to exceed them: the machine may be busy.
		e.config = w.file(name+".yaml", fmt.Sprintf(`
listeners: [%q]
admin: %q
admin_token_env: TENANTEDGE_TOKEN
logs: {format: json}
guest: {path: %q}
routers: [domain, session]
conflicts: last-wins
tenants:
  other: {DOMAINS: [other.example.com], URLCONF: other}
  default: {URLCONF: app, WS_URLCONF: ws}
directory: {source: postgres, dsn: %q, state_file: %[5]s.state, poll_interval: 200ms}
sessions: {backend: db, dsn: %[6]q, secret_key_env: TENANTEDGE_TEST_KEY, cache_age: 1h}
queries: {one: {sql: "select 1 as one", timeout: 3s}}
channels: {redis: {hosts: [%[7]q]}}
websockets: {without_origin: true}
media: {s3: {endpoint: %[8]q, region: %[9]s, bucket: %[10]q, access_key_env: TENANTEDGE_TEST_ACCESS, secret_key_env: TENANTEDGE_TEST_SECRET, silence_timeout: 2s}}
urlconfs:
  app: {upstream: "http://127.0.0.1:%[11]d", media: true, uploads: {public: true}}
  other: {upstream: %[12]q}
ws_urlconfs: {ws: [{path: room/, name: room, consumer: true}, {path: alone/, name: alone, consumer: true}]}
fleet: {name: test, node: %[5]s, heartbeat: 200ms, last_good: %[5]s.guest}
limits: {response_header_timeout: 5s, guest: {deadline: 10s, instances: 2}}
`, e.address, e.admin, guest, directory, name, sessions, w.redis.URL(), w.bucket.URL(), s3test.Region, bucket, w.app.Port(), other.URL))
		w.edges = append(w.edges, e)
	}
	w.config = w.edges[0].config
	mustCommand(t, "db", "init", "-c", w.config)
	mustCommand(t, "tenants", "-c", w.config, "add", "t1", "--domain", "t1.example.com")
	execute(t, sessions, "CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL)")
	execute(t, sessions, fmt.Sprintf("INSERT INTO django_session VALUES ('%s', '%s', '2100-01-01')", knownSession, sessionOfT1))
	began := time.Now()
	w.startEdges()
	w.Logf("two edges start in %v", time.Since(began).Round(time.Millisecond))
	if got := w.edges[0].ask("PUT", "t1.example.com", "/media/t1/a.txt"); got != "201" {
		t.Fatalf("the file is answered with %s", got)
	}
	return w
}

// startPython starts an application.
func startPython(t *testing.T) *testserver.Server {
	t.Helper()
	if out, err := exec.Command(python, "--version").CombinedOutput(); err != nil {
		t.Skipf("there is no Python to be the application: %v: %s", err, out)
	}
	return testserver.Own(t, func() (*testserver.Server, error) {
		return testserver.Start(testserver.Config{
			Name: "python",
			Command: func(s *testserver.Server) *exec.Cmd {
				return s.Command(python, "-m", "http.server", strconv.Itoa(s.Port()), "--bind", "127.0.0.1", "--directory", s.Dir())
			},
			Ready: accepts,
		})
	})
}

// accepts reports whether a server accepts connections.
func accepts(s *testserver.Server, _ string) bool {
	c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(s.Port()))
	return err == nil && c.Close() == nil
}

// newEdge returns an edge that was not started, with its addresses and a configuration.
func newEdge(t *testing.T, config string, args ...any) *fleetEdge {
	t.Helper()
	w := &fleetWorld{T: t, folder: t.TempDir()}
	e := &fleetEdge{w: w, name: "edge", address: freeAddress(t), admin: freeAddress(t), logs: &syncBuffer{}}
	e.config = w.file("edge.yaml", fmt.Sprintf("listeners: [%q]\nadmin: %q\nlogs: {format: json}\n", e.address, e.admin)+fmt.Sprintf(config, args...))
	w.edges, w.config = []*fleetEdge{e}, e.config
	return e
}

// paused stops the process of a server, which then accepts connections and never
// answers. resume continues it.
func paused(t *testing.T, s *testserver.Server) (resume func()) {
	t.Helper()
	if err := syscall.Kill(s.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() { _ = syscall.Kill(s.PID(), syscall.SIGCONT) })
}

// ask sends a request and returns its status.
func (e *fleetEdge) ask(method, host, path string, headers ...string) string {
	r, err := http.NewRequest(method, "http://"+e.address+path, strings.NewReader("x"))
	if err != nil {
		return err.Error()
	}
	r.Host = host
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := noKeepAlive.Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err.Error()
	}
	return strconv.Itoa(resp.StatusCode)
}

// dial opens a websocket of t1.
func (e *fleetEdge) dial(path string) (*sockets.Client, error) {
	r, err := http.NewRequest(http.MethodGet, "ws://"+e.address+path, nil)
	if err != nil {
		return nil, err
	}
	r.Host = "t1.example.com"
	up, err := (&sockets.Dialer{Timeout: patience, HandshakeTimeout: patience}).Dial(e.w.Context(), r)
	if err != nil {
		return nil, err
	}
	c := sockets.NewClient(up, 1<<20)
	if err := c.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return nil, err
	}
	return c, nil
}

// converse opens a websocket and returns how it ends: "answered" after an answer.
func (e *fleetEdge) converse(path string) string {
	c, err := e.dial(path)
	if status, refused := strings.CutPrefix(fmt.Sprint(err), "sockets: the server answered "); refused {
		return status[:3]
	}
	if err != nil {
		return err.Error()
	}
	defer c.Drop()
	return talk(c)
}

// talk sends a message and waits for the answer, after that to the handshake if it
// comes first.
func talk(c *sockets.Client) string {
	if err := c.Write(sockets.Text, []byte("hello")); err != nil {
		return err.Error()
	}
	for {
		_, got, err := c.Read()
		var closed *sockets.CloseError
		switch {
		case errors.As(err, &closed):
			return strconv.Itoa(int(closed.Code))
		case err != nil:
			return err.Error()
		case string(got) == "hello":
			return "answered"
		}
	}
}

// normally is what the requests of outageWorld.send get while everything works.
var normally = map[string]string{
	"page": "200", "other": "404", "known session": "200", "new session": "200", "query": "200",
	"file": "200", "upload": "201", "websocket": "answered", "room": "answered",
}

// sendEach sends one request of each kind in want at once, and returns what they get.
func (w *outageWorld) sendEach(e *fleetEdge, want map[string]string) map[string]string {
	const t1 = "t1.example.com"
	n := w.fresh.Add(1)
	sends := map[string]func() string{
		"page":          func() string { return e.ask("GET", t1, "/") },
		"other":         func() string { return e.ask("GET", "other.example.com", "/") },
		"known session": func() string { return e.ask("GET", t1, "/", "Cookie", "sessionid="+knownSession) },
		"new session":   func() string { return e.ask("GET", t1, "/", "Cookie", fmt.Sprintf("sessionid=b%031d", n)) },
		"query":         func() string { return e.ask("GET", t1, "/?asks") },
		"file":          func() string { return e.ask("GET", t1, "/media/t1/a.txt") },
		"upload":        func() string { return e.ask("PUT", t1, fmt.Sprintf("/media/t1/%d", n)) },
		"websocket":     func() string { return e.converse("/alone/") },
		"room":          func() string { return e.converse("/room/") },
	}
	got := map[string]string{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for what := range want {
		all.Go(func() {
			answer := sends[what]()
			mu.Lock()
			defer mu.Unlock()
			got[what] = answer
		})
	}
	all.Wait()
	return got
}

// expect waits until an edge answers as normally, but for some kinds of requests. Those
// with an empty text are not sent. All others must be answered normally from the start.
func (w *outageWorld) expect(e *fleetEdge, when string, but map[string]string) {
	w.Helper()
	want := maps.Clone(normally)
	maps.Copy(want, but)
	maps.DeleteFunc(want, func(_, answer string) bool { return answer == "" })
	w.await(e, when, want, func(what, got string) {
		if _, affected := but[what]; !affected && got != normally[what] {
			w.Errorf("%s: %s: %s gets %s, expected %s", e.name, when, what, got, normally[what])
		}
	})
}

// recovers waits until an edge answers normally.
func (w *outageWorld) recovers(e *fleetEdge, when string) {
	w.Helper()
	w.await(e, when, normally, func(string, string) {})
}

func (w *outageWorld) await(e *fleetEdge, when string, want map[string]string, check func(what, got string)) {
	w.Helper()
	began := time.Now()
	for late := began.Add(patience); !w.Failed(); {
		got := w.sendEach(e, want)
		for what, answer := range got {
			check(what, answer)
		}
		if maps.Equal(want, got) {
			w.Logf("%s: %s: as expected after %v", e.name, when, time.Since(began).Round(time.Millisecond))
			return
		}
		if time.Now().After(late) {
			w.Fatalf("%s: %s: requests get %v, expected %v", e.name, when, got, want)
		}
	}
}

// shows waits until the metrics of an edge have lines with some beginnings, and it says that it is ready.
func (w *outageWorld) shows(e *fleetEdge, when string, lines ...string) {
	w.Helper()
	began := time.Now()
	for _, line := range lines {
		w.until(fmt.Sprintf("%s: %s: %s", e.name, when, line), func() bool { return strings.Contains(e.look("/metrics"), "\n"+line) })
	}
	w.Logf("%s: %s: its metrics show that after %v", e.name, when, time.Since(began).Round(time.Millisecond))
	if ready := e.look("/readyz"); !strings.Contains(ready, `"ready": true`) {
		w.Errorf("%s: %s: /readyz says %s", e.name, when, ready)
	}
}

// look returns what the admin listener answers.
func (e *fleetEdge) look(path string) string {
	resp, err := http.Get("http://" + e.admin + path)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// shutDown ends the edge as a signal does.
func (e *fleetEdge) shutDown() {
	e.w.Helper()
	if err := e.c.Process.Signal(syscall.SIGTERM); err != nil {
		e.w.Fatal(err)
	}
	select {
	case <-e.ended:
		if !e.c.ProcessState.Success() {
			e.w.Errorf("the edge ended with %v:\n%s", e.c.ProcessState, e.logs)
		}
	case <-time.After(patience):
		e.w.Fatal("the edge does not exit")
	}
}
