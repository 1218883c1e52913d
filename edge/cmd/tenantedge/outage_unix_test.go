//go:build unix

package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

// The table "When a dependency fails" of RUNBOOK.md, by outages of the real servers. Other
// tests show the rows about a full disk, the registry, the collector and the log.
func TestAnOutageFailsOnlyWhatNeedsTheDependency(t *testing.T) {
	w := startOutageWorld(t)
	for _, e := range w.edges {
		w.recovers(e, "at first")
	}
	w.connectionsAreRefused()
	digest := w.rollOut()
	w.everythingIsDown(digest)
	w.nothingAnswers(digest)
}

// connectionsAreRefused kills one server after the other.
func (w *outageWorld) connectionsAreRefused() {
	w.Helper()
	e := w.edges[0]
	room, alone := w.open(e, "/room/"), w.open(e, "/alone/")
	for _, c := range []struct {
		name   string
		server interface {
			Kill(testing.TB)
			Restart(testing.TB)
		}
		but   map[string]string
		shows []string
	}{
		{"the directory's database", w.server, map[string]string{"query": "502"},
			[]string{"tenantedge_directory_degraded 1", "tenantedge_fleet_unreachable 1", "tenantedge_query_database_unavailable 1"}},
		{"the sessions' database", w.sessions, map[string]string{"new session": "503"}, []string{"tenantedge_session_database_unavailable 1"}},
		{"Redis", w.redis, map[string]string{"room": "503"}, []string{"tenantedge_channel_layers_broken 1"}},
		{"the bucket", w.bucket, map[string]string{"file": "502", "upload": "502"}, nil}, // nothingAnswers waits for the metric
		{"the application", w.app, map[string]string{"page": "502", "known session": "502", "new session": "502", "query": "502"},
			[]string{`tenantedge_upstream_failures_total{reason="failed"`}},
	} {
		if c.name == "Redis" {
			if got := talk(room) + " " + talk(alone); got != "answered answered" {
				w.Errorf("websockets that are open while the databases restart: %s", got)
			}
		}
		c.server.Kill(w)
		w.expect(e, "without "+c.name, c.but)
		w.shows(e, "without "+c.name, c.shows...)
		if c.name == "Redis" {
			if got := talk(room) + " " + talk(alone); got != "1012 answered" {
				w.Errorf("a websocket in a group and one without: %s, expected 1012 answered", got)
			}
		}
		c.server.Restart(w)
		w.recovers(e, "with "+c.name)
	}
}

// open opens a websocket that stays open.
func (w *outageWorld) open(e *fleetEdge, path string) *sockets.Client {
	w.Helper()
	c, err := e.dial(path)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = c.Drop() })
	if got := talk(c); got != "answered" {
		w.Fatalf("%s: %s", path, got)
	}
	return c
}

// rollOut shows that the directory and the fleet are followed again: a new tenant is
// served, and the edges run the guest of a new rollout, whose digest it returns.
func (w *outageWorld) rollOut() (digest string) {
	w.Helper()
	mustCommand(w.T, "tenants", "-c", w.config, "add", "t2", "--domain", "t2.example.com")
	wasm := w.wasm + "\x00\x03\x01n2" // a custom section
	w.guest(0, "2 of 2 edges", "rollout", w.file("next.wasm", wasm), "--wait", "all")
	digest = instance.Digest([]byte(wasm))
	w.converged(digest, w.edges...)
	for _, e := range w.edges {
		w.until("the new tenant is served", func() bool { return e.ask("GET", "t2.example.com", "/") == "200" })
	}
	return digest
}

// withoutAll is what requests get while no server can be reached, except by those of the
// tenant "other" and websockets without a group.
func withoutAll(application, bucket string) map[string]string {
	return map[string]string{
		"page": application, "known session": application, "new session": "503", "query": "502",
		"file": bucket, "upload": bucket, "room": "503",
	}
}

// everythingIsDown starts an edge while all servers are down.
func (w *outageWorld) everythingIsDown(digest string) {
	w.Helper()
	began := time.Now()
	servers := []interface {
		Kill(testing.TB)
		Restart(testing.TB)
	}{w.server, w.sessions, w.redis, w.bucket, w.app}
	for _, s := range servers {
		s.Kill(w)
	}
	e := w.edges[1]
	e.kill()
	e.start()
	e.awaitReady()
	w.Logf("an edge starts without any server in %v", time.Since(began).Round(time.Millisecond))
	missing := withoutAll("502", "502")
	missing["known session"] = "503" // it was not read before
	w.expect(e, "started without any server", missing)
	w.shows(e, "started without any server", "tenantedge_directory_degraded 1", "tenantedge_fleet_unreachable 1", "tenantedge_query_database_unavailable 1",
		"tenantedge_session_database_unavailable 1", "tenantedge_channel_layers_broken 1", "tenantedge_bucket_reachable 0")
	if got := e.host().Guest.Digest; got != digest {
		w.Errorf("it runs %s, expected the last guest of the fleet, %s", got, digest)
	}
	for _, s := range servers {
		s.Restart(w)
	}
	for _, e := range w.edges {
		w.recovers(e, "with all servers")
	}
}

// nothingAnswers stops all servers, so that they accept connections and never answer,
// and starts and ends another edge meanwhile.
func (w *outageWorld) nothingAnswers(digest string) {
	w.Helper()
	began := time.Now()
	first, second := w.edges[0], w.edges[1]
	room, alone := w.open(first, "/room/"), w.open(first, "/alone/")
	resumeApp := paused(w.T, w.app)
	resumes := []func(){pause(w.T, w.server), pause(w.T, w.sessions), paused(w.T, w.redis.Server), paused(w.T, w.bucket.Server), resumeApp}
	resume := func() {
		for _, resume := range resumes {
			resume()
		}
	}
	defer resume()
	second.kill()
	second.start()

	missing := withoutAll("504", "503")
	missing["room"] = "" // it is some seconds before the silence of Redis is noticed
	w.expect(first, "no server answers", missing)
	w.shows(first, "no server answers", "tenantedge_query_database_unavailable 1")
	resumeApp()
	stop := w.askAgainAndAgain(first)
	second.awaitReady()
	w.Logf("an edge starts within %v while no server answers", time.Since(began).Round(time.Millisecond))
	missing = withoutAll("200", "503")
	missing["known session"], missing["room"] = "503", ""
	w.expect(second, "started while no server answers", missing)
	if got := second.host().Guest.Digest; got != digest {
		w.Errorf("it runs %s, expected the last guest of the fleet, %s", got, digest)
	}
	w.shows(first, "no server answers", `tenantedge_upstream_failures_total{reason="timeout"`, "tenantedge_session_database_unavailable 1",
		"tenantedge_channel_layers_broken 1", "tenantedge_bucket_reachable 0", "tenantedge_directory_degraded 1", "tenantedge_fleet_unreachable 1")
	w.expect(first, "only the application answers, and clients ask for queries", withoutAll("200", "503"))
	stop()
	if got := talk(room) + " " + talk(alone); got != "1012 answered" {
		w.Errorf("a websocket in a group and one without: %s, expected 1012 answered", got)
	}
	began = time.Now()
	second.shutDown()
	w.Logf("an edge ends within %v while no server answers", time.Since(began).Round(time.Millisecond))
	resume()
	w.recovers(first, "all servers answer again")
	// Whether the bucket can be reached is only looked up every ten seconds.
	w.shows(first, "all servers answer again", "tenantedge_directory_degraded 0", "tenantedge_fleet_unreachable 0", "tenantedge_query_database_unavailable 0",
		"tenantedge_session_database_unavailable 0", "tenantedge_channel_layers_broken 0")
}

// askAgainAndAgain sends requests that need an answer of the database, more at a time
// than the guest has instances: those of others must not wait for them.
func (w *outageWorld) askAgainAndAgain(e *fleetEdge) (stop func()) {
	done := make(chan struct{})
	for range 6 {
		w.load.Go(func() {
			pace := time.NewTicker(20 * time.Millisecond)
			defer pace.Stop()
			for {
				select {
				case <-done:
					return
				case <-pace.C:
					_ = e.ask("GET", "t1.example.com", "/?asks")
				}
			}
		})
	}
	return func() { close(done); w.load.Wait() }
}

// Without a time limit, requests wait for an application that hangs, up to the share of
// their tenant. Others are served, and nothing is lost when it answers again.
func TestAnApplicationThatHangsTakesTheShareOfItsTenant(t *testing.T) {
	app := startPython(t)
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	e := newEdge(t, `
tenants:
  hangs: {DOMAINS: [hangs.example.com], URLCONF: hangs}
  other: {DOMAINS: [other.example.com], URLCONF: other}
urlconfs: {hangs: "http://127.0.0.1:%d", other: %q}
limits: {connections: 10, tenant_requests: 4}
`, app.Port(), other.URL)
	w := e.w
	w.startEdges()
	resume := paused(t, app)
	defer resume()
	impatient, err := net.Dial("tcp", e.address)
	if err != nil {
		t.Fatal(err)
	}
	defer impatient.Close()
	if _, err := io.WriteString(impatient, "GET / HTTP/1.1\r\nHost: hangs.example.com\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, 3)
	for range cap(answers) {
		go func() { answers <- e.ask("GET", "hangs.example.com", "/") }()
	}
	w.until("the requests wait", func() bool { return strings.Contains(e.look("/metrics"), "\ntenantedge_requests_running 4\n") })
	if got := e.ask("GET", "hangs.example.com", "/"); got != "503" {
		t.Errorf("one more request of the tenant gets %s", got)
	}
	if got := e.ask("GET", "other.example.com", "/"); got != "404" {
		t.Errorf("a request of another tenant gets %s", got)
	}
	_ = impatient.Close()
	w.until("a client gives up", func() bool {
		return strings.Contains(e.look("/metrics"), "\ntenantedge_proxy_client_failures_total{reason=\"closed\"} 1\n")
	})
	resume()
	for range cap(answers) {
		if got := <-answers; got != "200" {
			t.Errorf("a request that has waited gets %s", got)
		}
	}
}

// Without a saved state, a start waits for the database, and /readyz says so.
func TestAnEdgeWithoutASavedStateWaitsForItsDatabase(t *testing.T) {
	database := pgtest.StartOwn(t)
	e := newEdge(t, `
tenants: {default: {URLCONF: here}}
directory: {source: postgres, dsn: %q}
urlconfs: {here: {reply: {body: "here"}}}
`, database.NewDB(t))
	mustCommand(t, "db", "init", "-c", e.config)
	mustCommand(t, "tenants", "-c", e.config, "add", "t1", "--domain", "t1.example.com")
	for name, fail := range map[string]func() (back func()){
		"refuses connections": func() func() {
			database.Kill(t)
			return sync.OnceFunc(func() { database.Restart(t) })
		},
		"accepts connections and never answers": func() func() { return pause(t, database) },
	} {
		t.Run(name, func(t *testing.T) {
			back := fail()
			defer back()
			e.start()
			defer e.kill()
			e.w.until("it says that it waits", func() bool { return strings.Contains(e.look("/readyz"), "the directory is not loaded") })
			if got := e.ask("GET", "t1.example.com", "/"); !strings.Contains(got, "connection refused") {
				t.Errorf("a request gets %s, expected that nothing listens yet", got)
			}
			back()
			e.awaitReady()
			if got := e.ask("GET", "t1.example.com", "/"); got != "200" {
				t.Errorf("with the database, a request gets %s", got)
			}
		})
	}
}
