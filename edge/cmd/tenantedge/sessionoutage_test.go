//go:build unix

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

// What Django 3.2 wrote for a session with {"tenant": "t1"} under this key.
const (
	djangoSecretKey = "django-insecure-4$k(t_0y!u&w+3@e=z9^q%2#h1x7v8m5n6b*r-jpc"
	sessionOfT1     = "eyJ0ZW5hbnQiOiJ0MSJ9:1x8elk:c7yWSpmOl9MENQZWiyoAeOL5u3_w7mN5e_nGLPtJmRs"
	knownSession    = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

// sessionsConfig is like postgresConfigOn, with routers that read sessions, the tenants t1 and
// t2 at t1.example.com and t2.example.com, and one session of t1.
func sessionsConfig(t *testing.T, database *pgtest.Server, more string) string {
	t.Helper()
	path := postgresConfigOn(t, database)
	t.Setenv("TENANTEDGE_TEST_KEY", djangoSecretKey)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "routers: [domain, session]\n"+more...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	mustCommand(t, "db", "init", "-c", path)
	mustCommand(t, "tenants", "-c", path, "add", "t1", "--domain", "t1.example.com")
	mustCommand(t, "tenants", "-c", path, "add", "t2", "--domain", "t2.example.com")
	execute(t, os.Getenv("TENANTEDGE_TEST_DSN"), "CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL)")
	execute(t, os.Getenv("TENANTEDGE_TEST_DSN"), fmt.Sprintf("INSERT INTO django_session VALUES ('%s', '%s', '2100-01-01')", knownSession, sessionOfT1))
	return path
}

func execute(t *testing.T, dsn, sql string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// pause stops the processes of a database, so that it accepts connections but
// answers nothing. resume continues them.
func pause(t *testing.T, database *pgtest.Server) (resume func()) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), database.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	rows, err := c.Query(t.Context(), "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
	if err != nil {
		t.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		t.Fatal(err)
	}
	pids = append(pids, int32(database.PID()))
	signal := func(s syscall.Signal) {
		for _, pid := range pids {
			_ = syscall.Kill(int(pid), s) // a client's process may have ended
		}
	}
	signal(syscall.SIGSTOP)
	return sync.OnceFunc(func() { signal(syscall.SIGCONT) })
}

// sessionLoad sends requests with sessions to an edge.
type sessionLoad struct {
	*running
	fresh atomic.Int64 // number of made-up sessions
}

// send sends n requests with the known session and n with a session that is used
// once, and counts the answers by status.
func (l *sessionLoad) send(host string, n int) (known, fresh map[int]int) {
	known, fresh = map[int]int{}, map[int]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range n / 4 {
				a := l.request(host, knownSession)
				b := l.request(host, fmt.Sprintf("b%031d", l.fresh.Add(1)))
				mu.Lock()
				known[a]++
				fresh[b]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return known, fresh
}

// waitForSessions waits until a request with a session that is not cached gets 200: sessions
// are read again, or the routers do not need them.
func (l *sessionLoad) waitForSessions() {
	l.t.Helper()
	for deadline := time.Now().Add(patience); l.request("t1.example.com", strings.Repeat("c", 32)) != http.StatusOK; {
		if time.Now().After(deadline) {
			l.t.Fatal("sessions are not read again")
		}
	}
}

// request returns the status of a request with a session, or 0 if it failed.
func (l *sessionLoad) request(host, session string) int {
	r, err := http.NewRequest(http.MethodGet, "http://"+l.address+"/", nil)
	if err != nil {
		l.t.Error(err)
		return 0
	}
	r.Host = host
	r.AddCookie(&http.Cookie{Name: "sessionid", Value: session})
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // only the status matters
	return resp.StatusCode
}

func TestASessionOutageFailsOnlyRequestsThatNeedASession_G3(t *testing.T) {
	const sessions = "sessions: {backend: db, secret_key_env: TENANTEDGE_TEST_KEY, cache_age: 1h"
	for _, c := range []struct {
		name, config string
		fresh        int // status of requests with a session that is not cached, during the outage
		stranger     int // status of requests for t2 with a session of t1, always
	}{
		{"the domain decides", sessions + "}\n", 200, 421},
		{"the session would win", "conflicts: last-wins\n" + sessions + "}\n", 503, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			database := pgtest.StartOwn(t)
			l := &sessionLoad{running: startServe(t, sessionsConfig(t, database, c.config))}
			defer l.stop()
			l.waitFor("t1.example.com", 200)
			expect := func(when string, want int) {
				t.Helper()
				known, fresh := l.send("t1.example.com", 200)
				t.Logf("%s: with a known session %v, with others %v", when, known, fresh)
				if known[200] != 200 || fresh[want] != 200 {
					t.Errorf("%s: with a known session %v, want only 200; with others %v, want only %d", when, known, fresh, want)
				}
				if got := l.request("t2.example.com", knownSession); got != c.stranger {
					t.Errorf("%s: a known session of another tenant gets %d, want %d", when, got, c.stranger)
				}
			}
			expect("before", 200)
			resume := pause(t, database)
			defer resume()
			expect("while the database does not respond", c.fresh)
			resume()
			l.waitForSessions()
			expect("after the database responds again", 200)
			database.Kill(t)
			expect("while the database is stopped", c.fresh)
			database.Restart(t)
			l.waitForSessions()
			expect("after the restart", 200)
		})
	}
}
