//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

// fleetTenants is the number of tenants of the edges in a fleet's tests.
const fleetTenants = 1000

// fleetWorld is a fleet of edges in processes of their own, their database, and an
// application that answers with the tenant.
type fleetWorld struct {
	*testing.T
	folder string
	server *pgtest.Server
	store  *fleet.Store
	edges  []*fleetEdge
	config string // of the first edge, for commands

	done     chan struct{} // closed at the end of the load
	load     sync.WaitGroup
	requests atomic.Int64
	failed   atomic.Int64
}

// fleetEdge is one edge, which can be killed and started again on its addresses.
type fleetEdge struct {
	w              *fleetWorld
	name, config   string
	address, admin string
	c              *exec.Cmd
	logs           *syncBuffer
	available      atomic.Bool // requests must be answered
	interrupted    atomic.Int64
	ended          chan struct{}
}

type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// startFleet starts a fleet with one edge for each of more, which is added to its
// configuration.
func startFleet(t *testing.T, more ...string) *fleetWorld {
	t.Helper()
	return startFleetFrom(t, nil, more...)
}

// startFleetFrom is startFleet for edges that take guests from some registries.
func startFleetFrom(t *testing.T, registries []string, more ...string) *fleetWorld {
	t.Helper()
	w := &fleetWorld{T: t, folder: t.TempDir(), server: pgtest.StartOwn(t), done: make(chan struct{})}
	t.Setenv("FLEET_TEST_DSN", w.server.NewDB(t))
	t.Setenv("TENANTEDGE_TOKEN", "a token that only tests have")
	app := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, r.Header.Get("Tenant")) }))
	t.Cleanup(app.Close)
	var tenants strings.Builder
	tenants.WriteString(`{"tenants": [`)
	rows := func(row func(n int) string) {
		for n := range fleetTenants {
			if n > 0 {
				tenants.WriteByte(',')
			}
			tenants.WriteString(row(n))
		}
	}
	rows(func(n int) string { return fmt.Sprintf(`{"id": %d, "schema_name": "t%d"}`, n, n) })
	tenants.WriteString(`], "domains": [`)
	rows(func(n int) string {
		return fmt.Sprintf(`{"tenant_id": %d, "domain": "t%d.example.com", "is_primary": true}`, n, n)
	})
	tenants.WriteString(`]}`)
	directory := w.file("tenants.json", tenants.String())
	var quoted strings.Builder
	for _, r := range registries {
		fmt.Fprintf(&quoted, "%q, ", r)
	}
	for i, lines := range more {
		e := &fleetEdge{w: w, name: fmt.Sprintf("edge%d", i+1), address: freeAddress(t), admin: freeAddress(t), logs: &syncBuffer{}}
		e.config = w.file(e.name+".yaml", fmt.Sprintf(`
listeners: [%q]
admin: %q
admin_token_env: TENANTEDGE_TOKEN
logs: {format: json}
tenants: {default: {URLCONF: app}}
directory: {source: file, path: %q}
urlconfs: {app: %q}
fleet: {name: test, node: %s, dsn_env: FLEET_TEST_DSN, heartbeat: 500ms, last_good: %q, registries: [%s]}
%s
`, e.address, e.admin, directory, app.URL, e.name, filepath.Join(w.folder, e.name+".guest"), quoted.String(), lines))
		w.edges = append(w.edges, e)
	}
	w.config = w.edges[0].config
	mustCommand(t, "db", "init", "-c", w.config)
	var err error
	if w.store, err = fleet.Open(fleet.Config{DSN: os.Getenv("FLEET_TEST_DSN"), Fleet: "test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	w.startEdges()
	return w
}

// startEdges starts the edges, and logs what they logged if the test fails.
func (w *fleetWorld) startEdges() {
	w.Helper()
	var starts sync.WaitGroup
	for _, e := range w.edges {
		e.start()
		starts.Go(e.awaitReady)
	}
	starts.Wait()
	w.Cleanup(func() {
		for _, e := range w.edges {
			if w.Failed() {
				w.Logf("log of %s:\n%s", e.name, e.logs)
			}
		}
	})
}

func (w *fleetWorld) file(name, text string) string {
	w.Helper()
	path := filepath.Join(w.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

// freeAddress returns an address that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (e *fleetEdge) start() {
	e.w.Helper()
	e.c = exec.Command(os.Args[0], "serve", "-c", e.config)
	e.c.Env = append(os.Environ(), asProgram+"=1")
	e.c.Stderr = e.logs
	if err := e.c.Start(); err != nil {
		e.w.Fatal(err)
	}
	ended := make(chan struct{})
	e.ended = ended
	c := e.c
	go func() { _ = c.Wait(); close(ended) }()
	e.w.Cleanup(func() { _ = c.Process.Kill(); <-ended })
}

// awaitReady waits until the edge serves, from when on its requests must succeed.
func (e *fleetEdge) awaitReady() {
	e.w.until(e.name+" serves", func() bool {
		resp, err := http.Get("http://" + e.admin + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	e.available.Store(true)
}

func (e *fleetEdge) kill() {
	e.w.Helper()
	e.available.Store(false)
	e.interrupted.Add(1)
	if err := e.c.Process.Kill(); err != nil {
		e.w.Fatal(err)
	}
	<-e.ended
}

// host returns what the edge reports on its admin listener.
func (e *fleetEdge) host() (h stats.Host) {
	r, err := http.NewRequest(http.MethodGet, "http://"+e.admin+"/guest", nil)
	if err != nil {
		return h
	}
	r.Header.Set("Authorization", "Bearer "+os.Getenv("TENANTEDGE_TOKEN"))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return h
	}
	defer resp.Body.Close()
	_ = json.NewDecoder(resp.Body).Decode(&h)
	return h
}

// until waits for a condition that other processes make true.
func (w *fleetWorld) until(what string, holds func() bool) {
	w.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(2 * patience); !holds(); {
		select {
		case <-tick.C:
		case <-late:
			w.Fatalf("timed out: %s", what)
		}
	}
}

// converged waits until edges run a guest, and returns when.
func (w *fleetWorld) converged(digest string, edges ...*fleetEdge) time.Time {
	w.Helper()
	for _, e := range edges {
		w.until(e.name+" runs "+digest, func() bool { return e.host().Guest.Digest == digest })
	}
	return time.Now()
}

// guest runs a command for the fleet and returns its output, which has to have want.
func (w *fleetWorld) guest(code int, want string, args ...string) string {
	w.Helper()
	args = append(append([]string{"guest"}, args...), "-c", w.config)
	got, out, errs := command("", args...)
	if got != code || !strings.Contains(out+errs, want) {
		w.Errorf("tenantedge %s: exit %d, %s%s; expected %d and %q", strings.Join(args, " "), got, out, errs, code, want)
	}
	return out + errs
}

// send begins the load: clients of every edge send requests to all tenants on paths,
// and check the status and the tenant of each answer.
func (w *fleetWorld) send(clients int, paths ...string) {
	for _, e := range w.edges {
		for n := range clients {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			w.load.Go(func() { e.sendAll(random, paths) })
		}
	}
}

func (e *fleetEdge) sendAll(random *rand.Rand, paths []string) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	pace := time.NewTicker(3 * time.Millisecond) // the machine also compiles guests
	defer pace.Stop()
	for {
		select {
		case <-e.w.done:
			return
		case <-pace.C:
		}
		before := e.interrupted.Load()
		if !e.available.Load() {
			continue
		}
		tenant := fmt.Sprintf("t%d", random.IntN(fleetTenants))
		err := ask(client, e.address, tenant, paths[random.IntN(len(paths))])
		if err != nil && e.interrupted.Load() == before && e.w.failed.Add(1) < 10 {
			e.w.Errorf("%s: %v", e.name, err)
		}
		e.w.requests.Add(1)
	}
}

// ask sends a request to a tenant, and checks that the tenant has answered.
func ask(client *http.Client, address, tenant, path string) error {
	r, err := http.NewRequest(http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	r.Host = tenant + ".example.com"
	return sendTo(client, r, tenant)
}

// finish ends the load.
func (w *fleetWorld) finish() {
	w.Helper()
	close(w.done)
	w.load.Wait()
	if n := w.failed.Load(); n > 0 {
		w.Errorf("%d of %d requests failed", n, w.requests.Load())
	}
	w.Logf("%d requests, %d failed", w.requests.Load(), w.failed.Load())
}

// numbered returns the n-th of many guests that decide as the default one does.
func (w *fleetWorld) numbered(n int) (path, digest string) {
	w.Helper()
	wasm := append(bytes.Clone(assets.Router), 0, 4, 1, 'n', byte(n>>8), byte(n)) // with an additional custom section
	return w.module(fmt.Sprintf("guest%d.wasm", n), wasm), instance.Digest(wasm)
}

func (w *fleetWorld) module(name string, wasm []byte) string {
	w.Helper()
	return w.file(name, string(wasm))
}

// newest returns the newest rollout.
func (w *fleetWorld) newest() fleet.Rollout {
	w.Helper()
	r, err := w.store.Newest(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// node returns what an edge has reported.
func (w *fleetWorld) node(name string) (found fleet.Node) {
	w.Helper()
	nodes, err := w.store.Nodes(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	for _, n := range nodes {
		if n.Name == name {
			found = n
		}
	}
	return found
}
