//go:build unix

package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

// running is an edge that serves a configuration.
type running struct {
	t       *testing.T
	address string
	admin   string // address; empty: none
	cancel  context.CancelFunc
	ended   chan error
}

func startServe(t *testing.T, path string) *running {
	t.Helper()
	return startServeLogging(t, path, io.Discard)
}

// startServeLogging is like startServe, and writes the log to log.
func startServeLogging(t *testing.T, path string, log io.Writer) *running {
	t.Helper()
	file, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &running{t: t, cancel: cancel, ended: make(chan error, 1)}
	ready := make(chan *serve.Server, 1)
	go func() {
		e.ended <- serveFile(ctx, file, serve.Options{Ready: func(s *serve.Server) { ready <- s }}, "", log)
	}()
	select {
	case s := <-ready:
		e.address = s.Addrs()[0].String()
		if a := s.AdminAddr(); a != nil {
			e.admin = a.String()
		}
	case err := <-e.ended:
		t.Fatal(err)
	}
	return e
}

// stop ends the edge as a signal does.
func (e *running) stop() {
	e.t.Helper()
	e.cancel()
	if err := <-e.ended; err != nil {
		e.t.Errorf("the edge ended with %v", err)
	}
}

// status returns the status of a request for host, or 0 if it failed.
func (e *running) status(host string) int {
	r, err := http.NewRequest(http.MethodGet, "http://"+e.address+"/", nil)
	if err != nil {
		e.t.Error(err)
		return 0
	}
	r.Host = host
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		e.t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// waitFor sends requests for host until one is answered with status.
func (e *running) waitFor(host string, status int) {
	e.t.Helper()
	for deadline := time.Now().Add(patience); e.status(host) != status; {
		if time.Now().After(deadline) {
			e.t.Fatalf("%s is not answered with %d", host, status)
		}
	}
}

func mustCommand(t *testing.T, args ...string) {
	t.Helper()
	if code, _, stderr := command("", args...); code != exitOK {
		t.Fatalf("%v: %s", args, stderr)
	}
}

func TestAnAddedTenantIsServedImmediately(t *testing.T) {
	path := postgresConfig(t)
	mustCommand(t, "db", "init", "-c", path)
	e := startServe(t, path)
	defer e.stop()
	if got := e.status("acme.example.com"); got != http.StatusNotFound {
		t.Errorf("before: %d, expected 404", got)
	}
	mustCommand(t, "tenants", "-c", path, "add", "acme", "--domain", "acme.example.com")
	e.waitFor("acme.example.com", http.StatusOK)
	mustCommand(t, "tenants", "-c", path, "rm", "acme")
	e.waitFor("acme.example.com", http.StatusNotFound)
}

func TestALostDatabaseFailsNeitherRequestsNorTheNextStart(t *testing.T) {
	database := pgtest.StartOwn(t)
	path := postgresConfigOn(t, database)
	mustCommand(t, "db", "init", "-c", path)
	mustCommand(t, "tenants", "-c", path, "add", "acme", "--domain", "acme.example.com")
	e := startServe(t, path)

	var completed atomic.Int64
	var load sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if got := e.status("acme.example.com"); got != http.StatusOK {
					t.Errorf("request %d is answered with %d", completed.Load(), got)
					return
				}
				completed.Add(1)
			}
		})
	}
	more := func(n int64) {
		for until := completed.Load() + n; completed.Load() < until && !t.Failed(); {
			e.status("acme.example.com")
		}
	}
	more(500)
	database.Kill(t)
	more(2000)
	database.Restart(t)
	mustCommand(t, "tenants", "-c", path, "add", "late", "--domain", "late.example.com")
	e.waitFor("late.example.com", http.StatusOK)
	close(done)
	load.Wait()
	e.stop()

	database.Kill(t)
	e = startServe(t, path)
	defer e.stop()
	for _, host := range []string{"acme.example.com", "late.example.com"} {
		if got := e.status(host); got != http.StatusOK {
			t.Errorf("started without its database, the edge answers %s with %d", host, got)
		}
	}
}

func TestAnEdgeStartsWhileATableIsLocked_G4(t *testing.T) {
	path := postgresConfig(t)
	mustCommand(t, "db", "init", "-c", path)
	mustCommand(t, "tenants", "-c", path, "add", "acme", "--domain", "acme.example.com")
	startServe(t, path).stop() // saves the state

	mustCommand(t, "tenants", "-c", path, "add", "late", "--domain", "late.example.com")
	conn, err := pgx.Connect(t.Context(), os.Getenv("TENANTEDGE_TEST_DSN"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE tenantedge_domain IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	e := startServe(t, path)
	defer e.stop()
	if saved, late := e.status("acme.example.com"), e.status("late.example.com"); saved != http.StatusOK || late != http.StatusNotFound {
		t.Errorf("with a locked table: %d for a tenant that was saved, %d for one that was not; want 200 and 404", saved, late)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.waitFor("late.example.com", http.StatusOK)
}
