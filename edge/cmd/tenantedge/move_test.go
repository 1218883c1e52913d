//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

// movesVariable is the environment variable with the number of moves.
const movesVariable = "TENANTEDGE_MOVES"

// cell is an application server in which tenants may be.
type cell struct {
	*httptest.Server
	name   string
	closed atomic.Bool  // the tenant has left
	late   atomic.Int64 // requests after that
	seen   sync.Map     // ids of the POST requests
}

func newCell(t *testing.T, name string) *cell {
	c := &cell{name: name}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Tenant") == "acme" && c.closed.Load() {
			c.late.Add(1)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if id := r.Header.Get("X-Id"); id != "" {
			if _, again := c.seen.LoadOrStore(id, true); again {
				w.WriteHeader(http.StatusConflict)
			}
		}
		fmt.Fprintf(w, "%s %s %d", name, r.Header.Get("Tenant"), len(body))
	}))
	t.Cleanup(c.Close)
	return c
}

// movers is an edge with a directory in Postgres, and two cells.
type movers struct {
	*testing.T
	cells   [2]*cell
	db      *pgx.Conn
	address string
	admin   string

	completed atomic.Int64
	failed    atomic.Int64
	posted    atomic.Int64
}

func startMovers(t *testing.T) *movers {
	m := &movers{T: t, cells: [2]*cell{newCell(t, "eu1"), newCell(t, "us1")}}
	t.Setenv("TENANTEDGE_TEST_DSN", pgtest.Start(t).NewDB(t))
	path := writeFile(t, "edge.yaml", fmt.Sprintf(`
listeners: [{address: "127.0.0.1:0", h2c: true}]
admin: 127.0.0.1:0
tenants:
  default:
    status: {attribute: status, values: {moving: moving, suspended: page-402}}
    urlconf: {attribute: cell, values: {eu1: app-eu1, us1: app-us1}}
directory: {source: postgres, dsn_env: TENANTEDGE_TEST_DSN, tenant_table: app_tenant, domain_table: app_domain, attributes: [cell, status]}
urlconfs:
  app-eu1: %s
  app-us1: %s
  moving: {hold: {timeout: 1m}}
  page-402: {reply: {status: 402}}
`, m.cells[0].URL, m.cells[1].URL))
	var err error
	if m.db, err = pgx.Connect(t.Context(), os.Getenv("TENANTEDGE_TEST_DSN")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.db.Close(context.Background()) })
	m.exec(`CREATE TABLE app_tenant (id serial PRIMARY KEY, schema_name text UNIQUE, cell text, status text);
		CREATE TABLE app_domain (id serial PRIMARY KEY, tenant_id int REFERENCES app_tenant, domain text, folder text NOT NULL DEFAULT '',
			is_primary bool DEFAULT true, redirect_to_primary bool DEFAULT false);
		INSERT INTO app_tenant (schema_name, cell, status) VALUES ('acme', 'eu1', 'active'), ('other', 'eu1', NULL);
		INSERT INTO app_domain (tenant_id, domain) VALUES (1, 'acme.example.com'), (2, 'other.example.com')`)
	mustCommand(t, "db", "init", "-c", path)
	m.serve(path)
	return m
}

func (m *movers) serve(path string) {
	file, err := config.Load(path)
	if err != nil {
		m.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan *serve.Server, 1), make(chan error, 1)
	go func() {
		ended <- serve.Run(ctx, file, serve.Options{Ready: func(s *serve.Server) { ready <- s }, Logger: slog.New(slog.DiscardHandler)})
	}()
	m.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			m.Error(err)
		}
	})
	select {
	case s := <-ready:
		m.address, m.admin = s.Addrs()[0].String(), s.AdminAddr().String()
	case err := <-ended:
		m.Fatal(err)
	}
}

func (m *movers) exec(sql string, args ...any) {
	m.Helper()
	if _, err := m.db.Exec(m.Context(), sql, args...); err != nil {
		m.Fatal(err)
	}
}

// report returns what the admin listener says about the tenant.
func (m *movers) report() (r serve.TenantReport) {
	m.Helper()
	resp, err := http.Get("http://" + m.admin + "/tenants/acme")
	if err != nil {
		m.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		m.Fatal(err)
	}
	return r
}

// until asks for reports until one is as expected.
func (m *movers) until(what string, holds func(serve.TenantReport) bool) time.Duration {
	m.Helper()
	began := time.Now()
	for r := m.report(); !holds(r); r = m.report() {
		if time.Since(began) > patience {
			m.Fatalf("timed out waiting for: %s; the report is %+v", what, r)
		}
	}
	return time.Since(began)
}

// moveTo moves the tenant as the README says.
func (m *movers) moveTo(i int) {
	from, to := m.cells[1-i], m.cells[i]
	m.exec("UPDATE app_tenant SET status = 'moving' WHERE schema_name = 'acme'")
	m.until("nothing is in progress", func(r serve.TenantReport) bool { return r.Status == "moving" && r.InProgress == 0 })
	from.closed.Store(true)
	to.closed.Store(false) // its data has been copied
	m.exec("UPDATE app_tenant SET cell = $1, status = 'active' WHERE schema_name = 'acme'", to.name)
}

// load sends requests until done is closed, over one protocol.
func (m *movers) load(worker int, client *http.Client, done <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		default:
		}
		host, want := "acme", "acme"
		if n%8 == 7 {
			host, want = "other", "other"
		}
		size := 0
		r, _ := http.NewRequest(http.MethodGet, "http://"+m.address+"/x?y="+strconv.Itoa(n), nil)
		if n%2 == 1 {
			size = []int{1, 1000, 20_000, 100_000}[n/2%4]
			r, _ = http.NewRequest(http.MethodPost, "http://"+m.address+"/", bytes.NewReader(make([]byte, size)))
			r.Header.Set("X-Id", fmt.Sprintf("%d-%d", worker, n))
		}
		r.Host = host + ".example.com"
		if err := sendTo(client, r, fmt.Sprintf(" %s %d", want, size)); err != nil {
			if m.failed.Add(1) < 10 {
				m.Errorf("worker %d, request %d: %v", worker, n, err)
			}
		} else if size > 0 {
			m.posted.Add(1)
		}
		m.completed.Add(1)
	}
}

func sendTo(client *http.Client, r *http.Request, suffix string) error {
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || !strings.HasSuffix(string(body), suffix) {
		return fmt.Errorf("status %d with %q, want %q", resp.StatusCode, body, suffix)
	}
	return nil
}

func clientOver(t *testing.T, http2, keepAlive bool) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols), DisableKeepAlives: !keepAlive}
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetUnencryptedHTTP2(http2)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 2 * patience}
}

// A tenant is moved between two cells again and again, while clients send requests:
// none fails, none is lost or sent twice, and none reaches a cell that the tenant has
// left.
func TestATenantMovesBetweenCellsUnderLoad(t *testing.T) {
	moves := 100
	if n, err := strconv.Atoi(os.Getenv(movesVariable)); err == nil {
		moves = n
	}
	m := startMovers(t)
	m.cells[1].closed.Store(true)
	done := make(chan struct{})
	var load sync.WaitGroup
	over2 := clientOver(t, true, true)
	for worker, client := range []*http.Client{
		clientOver(t, false, true), clientOver(t, false, true), clientOver(t, false, false), clientOver(t, false, false), over2, over2, over2,
	} {
		load.Go(func() { m.load(worker, client, done) })
	}
	began := time.Now()
	for i := range moves {
		for next := m.completed.Load() + 30; m.completed.Load() < next && m.failed.Load() == 0; {
			m.report()
		}
		m.moveTo(1 - i%2)
	}
	m.until("nothing waits", func(r serve.TenantReport) bool { return r.Waiting == 0 })
	close(done)
	load.Wait()
	seen := 0
	for _, c := range m.cells {
		if n := c.late.Load(); n > 0 {
			t.Errorf("%s got %d requests after the tenant had left", c.name, n)
		}
		c.seen.Range(func(any, any) bool { seen++; return true })
	}
	if m.failed.Load() > 0 || int64(seen) != m.posted.Load() {
		t.Errorf("%d requests failed; %d bodies were accepted and %d answered", m.failed.Load(), seen, m.posted.Load())
	}
	t.Logf("%d moves in %v: %d requests, %d with a body, %d waited, %d failed", moves, time.Since(began).Round(time.Millisecond), m.completed.Load(), seen, m.released(), m.failed.Load())
}

// released returns how many requests waited and went on.
func (m *movers) released() (n int) {
	m.Helper()
	resp, err := http.Get("http://" + m.admin + "/metrics")
	if err != nil {
		m.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, `tenantedge_held_requests_total{outcome="released",urlconf="moving"} `); ok {
			n, _ = strconv.Atoi(strings.TrimSpace(rest))
		}
	}
	return n
}

// An UPDATE takes effect soon; the log has the times.
func TestAnUpdateMovesATenantImmediately(t *testing.T) {
	m := startMovers(t)
	client := clientOver(t, false, true)
	var took []time.Duration
	for i := range 50 {
		status := []string{"suspended", "active"}[i%2]
		want := []int{http.StatusPaymentRequired, http.StatusOK}[i%2]
		m.exec("UPDATE app_tenant SET status = $1 WHERE schema_name = 'acme'", status)
		began := time.Now()
		for got := 0; got != want; {
			r, _ := http.NewRequest(http.MethodGet, "http://"+m.address+"/", nil)
			r.Host = "acme.example.com"
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if got = resp.StatusCode; time.Since(began) > patience {
				t.Fatalf("still answered with %d", got)
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("of 50 updates, from the commit to the first request that is answered accordingly: median %v, longest %v", took[25], took[49])
}
