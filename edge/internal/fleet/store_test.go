package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

const patience = time.Minute

// opened returns a fleet in a new database, and a connection to that.
func opened(t *testing.T) (*Store, *pgx.Conn) {
	t.Helper()
	s := open(t, pgtest.Start(t).NewDB(t), "test")
	if _, err := s.Install(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	return s, connected(t, s)
}

func open(t *testing.T, dsn, fleet string) *Store {
	t.Helper()
	s, err := Open(Config{DSN: dsn, Fleet: fleet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func connected(t *testing.T, s *Store) *pgx.Conn {
	t.Helper()
	conn, err := s.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestInstallingTwiceAndAtSeveralPlacesAtOnce(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	s := open(t, dsn, "test")
	if _, err := s.Newest(t.Context()); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("without tables: %v", err)
	}
	dry, err := s.Install(t.Context(), true)
	if err != nil || len(dry) != len(objects()) || dry[0].SQL == "" {
		t.Errorf("a dry run: %d steps, %v", len(dry), err)
	}
	if _, err := s.Newest(t.Context()); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("after the dry run: %v", err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := open(t, dsn, "test").Install(t.Context(), false); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	again, err := s.Install(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range again {
		if step.SQL != "" {
			t.Errorf("the second time: %s", step.What)
		}
	}
	exec(t, connected(t, s), "DROP TRIGGER tenantedge_keep ON tenantedge_rollout")
	again, err = s.Install(t.Context(), false)
	created := slices.DeleteFunc(again, func(step postgres.Step) bool { return step.SQL == "" })
	if err != nil || len(created) != 1 || created[0].What != "create trigger tenantedge_keep on tenantedge_rollout" {
		t.Errorf("after a trigger was removed: %v, %v", created, err)
	}
}

func TestAGuestIsImmutable(t *testing.T) {
	s, conn := opened(t)
	wasm := []byte("\x00asm\x01\x00\x00\x00 one")
	digest := instance.Digest(wasm)
	for i, c := range []struct {
		signature string
		added     bool
	}{{"", true}, {"", false}, {"signed", false}, {"", false}} {
		if added, err := s.Push(t.Context(), wasm, []byte(c.signature), Guest{Name: "one\n", PushedBy: "alice"}); err != nil || added != c.added {
			t.Errorf("push %d: %v, %v", i, added, err)
		}
	}
	found, signed, err := s.Fetch(t.Context(), digest)
	if err != nil || !bytes.Equal(found, wasm) || string(signed) != "signed" {
		t.Errorf("fetched %q, %q, %v", found, signed, err)
	}
	g, err := s.Find(t.Context(), digest[:10])
	if err != nil || g.Digest != digest || g.Name != "one" || !g.Signed || g.Size != int64(len(wasm)) || g.PushedBy != "alice" || g.PushedAt.IsZero() {
		t.Errorf("found %+v, %v", g, err)
	}
	for _, prefix := range []string{digest[:4], "x" + digest, strings.Repeat("0", 64), "%%%%%%%%%%"} {
		if _, err := s.Find(t.Context(), prefix); err == nil {
			t.Errorf("%s names a guest", prefix)
		}
	}
	for name, sql := range map[string]string{
		"other bytes":          "UPDATE tenantedge_guest SET wasm = 'x'",
		"other bytes and name": "UPDATE tenantedge_guest SET wasm = 'x', digest = encode(sha256('x'), 'hex')",
		"another name":         "UPDATE tenantedge_guest SET name = 'x'",
		"a wrong digest":       "INSERT INTO tenantedge_guest (digest, wasm, pushed_by) VALUES (repeat('0', 64), 'x', 'mallory')",
		"too many bytes":       "INSERT INTO tenantedge_guest (digest, wasm, pushed_by) SELECT encode(sha256(b), 'hex'), b, 'mallory' FROM (SELECT decode(repeat('00', 67108865), 'hex') AS b) x",
	} {
		if _, err := conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// Whoever owns the table can remove its constraints.
func TestAGuestThatTheTableShouldNotHoldIsRefused(t *testing.T) {
	s, conn := opened(t)
	exec(t, conn, `ALTER TABLE tenantedge_guest DROP CONSTRAINT tenantedge_guest_check, DROP CONSTRAINT tenantedge_guest_wasm_check, DROP CONSTRAINT tenantedge_guest_signature_check;
		INSERT INTO tenantedge_guest (digest, wasm, pushed_by) VALUES (repeat('a', 64), 'another guest', 'mallory');
		INSERT INTO tenantedge_guest (digest, wasm, pushed_by) VALUES (repeat('b', 64), decode(repeat('00', 67108865), 'hex'), 'mallory');
		INSERT INTO tenantedge_guest (digest, wasm, signature, pushed_by) VALUES (repeat('c', 64), 'x', decode(repeat('00', 1000000), 'hex'), 'mallory')`)
	for digit, want := range map[string]string{
		"a": "expected a guest with the digest aaaa", "b": instance.ErrModuleSize.Error(), "c": "expected a signature of at most", "d": ErrUnknownGuest.Error(),
	} {
		if _, _, err := s.Fetch(t.Context(), strings.Repeat(digit, 64)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %s", digit, err, want)
		}
	}
	if _, err := s.Push(t.Context(), make([]byte, instance.MaxModule+1), nil, Guest{}); !errors.Is(err, instance.ErrModuleSize) {
		t.Errorf("pushing too many bytes: %v", err)
	}
}

func digestOf(n int) string { return instance.Digest(fmt.Append(nil, n)) }

// Of operators who change the fleet at once, one after the other succeeds, and each
// learns what came first.
func TestOperatorsWhoRollOutAtOnceLoseNothing(t *testing.T) {
	s, _ := opened(t)
	var operators sync.WaitGroup
	var mu sync.Mutex
	conflicts := 0
	for who := range 4 {
		operators.Go(func() {
			for n := range 10 {
				for {
					newest, err := s.Newest(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					next := Rollout{ID: newest.ID + 1, Action: ActionRollout, Current: Ref{Digest: digestOf(100*who + n)}, Who: fmt.Sprint("operator ", who)}
					err = s.Append(t.Context(), next)
					var conflict *ConflictError
					if err == nil {
						break
					}
					if !errors.As(err, &conflict) || conflict.Newest.ID < next.ID || !strings.Contains(err.Error(), "by operator") {
						t.Errorf("after %d: %v", newest.ID, err)
						return
					}
					mu.Lock()
					conflicts++
					mu.Unlock()
				}
			}
		})
	}
	operators.Wait()
	all, err := s.History(t.Context(), 1000)
	if err != nil || len(all) != 40 || all[0].ID != 40 || all[39].ID != 1 {
		t.Errorf("%d rollouts, %v", len(all), err)
	}
	seen := map[string]bool{}
	for _, r := range all {
		seen[r.Current.Digest] = true
	}
	if len(seen) != 40 {
		t.Errorf("%d different rollouts, expected 40", len(seen))
	}
	t.Logf("40 rollouts by 4 operators, with %d conflicts", conflicts)
}

func TestRolloutsAreOnlyAppended(t *testing.T) {
	s, conn := opened(t)
	for id := range int64(3) {
		r := Rollout{ID: id + 1, Action: ActionRollout, Current: Ref{Digest: digestOf(int(id % 2))}, Who: "alice", Why: "ticket\n42"}
		if err := s.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	newest, err := s.Newest(t.Context())
	if err != nil || newest.ID != 3 || newest.Why != "ticket 42" || newest.Role != "tenantedge" || time.Since(newest.At).Abs() > patience {
		t.Errorf("newest %+v, %v", newest, err)
	}
	if before, ok, err := s.Before(t.Context(), newest); err != nil || !ok || before.Digest != digestOf(1) {
		t.Errorf("before: %+v, %v, %v", before, ok, err)
	}
	if before, ok, err := s.Before(t.Context(), Rollout{ID: 1, Current: Ref{Digest: digestOf(0)}}); err != nil || !ok || before.Digest != "" {
		t.Errorf("before the first: %+v, %v, %v", before, ok, err)
	}
	if _, ok, err := s.Before(t.Context(), Rollout{}); err != nil || ok {
		t.Errorf("before none: %v, %v", ok, err)
	}
	for name, sql := range map[string]string{
		"an update":       "UPDATE tenantedge_rollout SET why = ''",
		"a deletion":      "DELETE FROM tenantedge_rollout",
		"a truncation":    "TRUNCATE tenantedge_rollout",
		"a gap":           "INSERT INTO tenantedge_rollout (fleet, id, action, current_digest, who) VALUES ('test', 9223372036854775807, 'rollout', '', 'mallory')",
		"the past":        "INSERT INTO tenantedge_rollout (fleet, id, action, current_digest, who) VALUES ('test', 2, 'rollout', '', 'mallory')",
		"no digest":       "INSERT INTO tenantedge_rollout (fleet, id, action, current_digest, who) VALUES ('test', 4, 'rollout', 'x', 'mallory')",
		"a strange fleet": "INSERT INTO tenantedge_rollout (fleet, id, action, current_digest, who) VALUES ('te st', 1, 'rollout', '', 'mallory')",
		"a large trial":   `INSERT INTO tenantedge_rollout (fleet, id, action, current_digest, who, trial) VALUES ('test', 4, 'rollout', '', 'mallory', to_jsonb(repeat('x', 2000000)))`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	// The clocks of clients do not matter.
	exec(t, conn, "INSERT INTO tenantedge_rollout (fleet, id, action, current_digest, who, at, role) VALUES ('test', 4, 'rollout', '', 'mallory', '1999-12-31', 'postgres')")
	if newest, err := s.Newest(t.Context()); err != nil || time.Since(newest.At).Abs() > patience || newest.Role != "tenantedge" {
		t.Errorf("with a time and a role of its own: %+v, %v", newest, err)
	}
	if other, err := open(t, s.pool.Config().ConnString(), "other").Newest(t.Context()); err != nil || other.ID != 0 {
		t.Errorf("another fleet has %+v, %v", other, err)
	}
}

// A node may end the trial that it has seen, and do nothing else.
func TestANodeEndsTheTrialOnce(t *testing.T) {
	s, _ := opened(t)
	trial := Rollout{ID: 1, Action: ActionTrial, Candidate: Ref{Digest: digestOf(1)}, Trial: json.RawMessage(`{"canary": 1}`), Who: "alice"}
	if err := s.Append(t.Context(), trial); err != nil {
		t.Fatal(err)
	}
	var nodes sync.WaitGroup
	var mu sync.Mutex
	ended := 0
	for n := range 5 {
		nodes.Go(func() {
			done, err := s.EndTrial(t.Context(), 1, fmt.Sprint("node", n), "3 of 10 calls failed")
			mu.Lock()
			defer mu.Unlock()
			if done {
				ended++
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
	newest, err := s.Newest(t.Context())
	if err != nil || ended != 1 || newest.ID != 2 || newest.Action != ActionLimit || newest.Candidate.Digest != "" || !strings.HasPrefix(newest.Who, "node") || newest.Why != "3 of 10 calls failed" {
		t.Errorf("%d ended it; %+v, %v", ended, newest, err)
	}
	for _, id := range []int64{0, 1, 2, 3} {
		if done, err := s.EndTrial(t.Context(), id, "node", "again"); done || err != nil {
			t.Errorf("ending %d: %v, %v", id, done, err)
		}
	}
}

// The rights in the documentation are enough, and no more.
func TestANodeNeedsFewRights(t *testing.T) {
	s, conn := opened(t)
	for _, role := range []string{"edge_" + s.pool.Config().ConnConfig.Database, "operator_" + s.pool.Config().ConnConfig.Database} {
		exec(t, conn, "CREATE ROLE "+role+" LOGIN")
		t.Cleanup(func() {
			admin := context.Background()
			_, _ = conn.Exec(admin, "DROP OWNED BY "+role)
			if _, err := conn.Exec(admin, "DROP ROLE "+role); err != nil {
				t.Error(err)
			}
		})
	}
	database := s.pool.Config().ConnConfig.Database
	grants := documentedGrants(t)
	exec(t, conn, strings.NewReplacer("edge_role", "edge_"+database, "operator_role", "operator_"+database).Replace(grants))
	as := func(role string) *Store {
		return open(t, strings.Replace(s.pool.Config().ConnString(), "//tenantedge@", "//"+role+"_"+database+"@", 1), "test")
	}
	edge, operator := as("edge"), as("operator")
	wasm := []byte("guest")
	if _, err := operator.Push(t.Context(), wasm, []byte("signature"), Guest{}); err != nil {
		t.Errorf("an operator pushes: %v", err)
	}
	if _, err := operator.Push(t.Context(), wasm, []byte("another"), Guest{}); err != nil {
		t.Errorf("an operator signs: %v", err)
	}
	trial := Rollout{ID: 1, Action: ActionTrial, Candidate: Ref{Digest: instance.Digest(wasm)}, Who: "alice"}
	if err := operator.Append(t.Context(), trial); err != nil {
		t.Errorf("an operator rolls out: %v", err)
	}
	if newest, err := edge.Newest(t.Context()); err != nil || newest.ID != 1 || newest.Role != "operator_"+database {
		t.Errorf("an edge reads %+v, %v", newest, err)
	}
	if found, _, err := edge.Fetch(t.Context(), instance.Digest(wasm)); err != nil || !bytes.Equal(found, wasm) {
		t.Errorf("an edge fetches %q, %v", found, err)
	}
	if _, err := edge.Put(t.Context(), &Node{Name: "a", Process: "1"}); err != nil {
		t.Errorf("an edge reports: %v", err)
	}
	if err := edge.Stop(t.Context(), "a", "1"); err != nil {
		t.Errorf("an edge stops: %v", err)
	}
	if nodes, err := operator.Nodes(t.Context()); err != nil || len(nodes) != 1 || !nodes[0].Stopped {
		t.Errorf("an operator reads %+v, %v", nodes, err)
	}
	if err := edge.Append(t.Context(), Rollout{ID: 2, Action: ActionRollout, Who: "mallory"}); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("an edge rolls out: %v", err)
	}
	if _, err := edge.Push(t.Context(), []byte("x"), nil, Guest{}); err == nil {
		t.Error("an edge pushes")
	}
	if done, err := edge.EndTrial(t.Context(), 1, "a", "too slow"); err != nil || !done {
		t.Errorf("an edge ends the trial: %v, %v", done, err)
	}
}

func TestNodesAreShownAndForgotten(t *testing.T) {
	s, conn := opened(t)
	put := func(name, process string) string {
		t.Helper()
		other, err := s.Put(t.Context(), &Node{Name: name, Process: process, Host: "host\x00\xff", Heartbeat: time.Second, Rollout: 3, Failed: 4, Error: "line\nbreak",
			Report: Report{Candidate: &stats.Candidate{Samples: []stats.DifferenceSample{{Host: "a\x00\xff", Path: "/\u2028"}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return other
	}
	for _, c := range []struct{ name, process, other string }{
		{"a", "1", ""}, {"a", "1", ""}, {"a", "2", "1"}, {"a", "1", "2"}, {"b", "3", ""},
	} {
		if other := put(c.name, c.process); other != c.other {
			t.Errorf("%s, process %s: found process %q, expected %q", c.name, c.process, other, c.other)
		}
	}
	exec(t, conn, "UPDATE tenantedge_node SET seen_at = seen_at - interval '5 seconds', report = '[1]' WHERE node = 'a'")
	nodes, err := s.Nodes(t.Context())
	if err != nil || len(nodes) != 2 || !nodes[0].Gone() || nodes[1].Gone() || nodes[1].Error != "line break" || nodes[1].Rollout != 3 || nodes[1].Report.Candidate == nil || nodes[1].Failed != 4 {
		t.Errorf("%+v, %v", nodes, err)
	}
	exec(t, conn, "UPDATE tenantedge_node SET seen_at = seen_at - interval '2 days' WHERE node = 'a'")
	put("b", "3")
	if nodes, err = s.Nodes(t.Context()); err != nil || len(nodes) != 1 {
		t.Errorf("after two days: %+v, %v", nodes, err)
	}
}

// Every method has the same prefix once, and says what is missing.
func TestErrorsHaveThePrefixOnce(t *testing.T) {
	missing := open(t, pgtest.Start(t).NewDB(t), "test")
	unreachable := open(t, "postgres://u:p@127.0.0.1:1/db", "test")
	for name, s := range map[string]*Store{"without tables": missing, "without a server": unreachable} {
		ctx := t.Context()
		calls := map[string]func() error{
			"Newest":   func() error { _, err := s.Newest(ctx); return err },
			"History":  func() error { _, err := s.History(ctx, 1); return err },
			"Before":   func() error { _, _, err := s.Before(ctx, Rollout{ID: 1}); return err },
			"Append":   func() error { return s.Append(ctx, Rollout{ID: 1, Action: ActionRollout}) },
			"EndTrial": func() error { _, err := s.EndTrial(ctx, 1, "node", "reason"); return err },
			"Guests":   func() error { _, err := s.Guests(ctx, 1); return err },
			"Find":     func() error { _, err := s.Find(ctx, digestOf(1)); return err },
			"Fetch":    func() error { _, _, err := s.Fetch(ctx, digestOf(1)); return err },
			"Push":     func() error { _, err := s.Push(ctx, []byte("wasm"), nil, Guest{}); return err },
			"Put":      func() error { _, err := s.Put(ctx, &Node{Name: "node"}); return err },
			"Stop":     func() error { return s.Stop(ctx, "node", "process") },
			"Nodes":    func() error { _, err := s.Nodes(ctx); return err },
			"Follow":   func() error { return <-follow(t, s, time.Hour).lost },
		}
		if s == unreachable {
			calls["Install"] = func() error { _, err := s.Install(ctx, false); return err }
		}
		for method, call := range calls {
			err := call()
			if err == nil || !strings.HasPrefix(err.Error(), "fleet: ") || strings.Count(err.Error(), "fleet: ") != 1 {
				t.Errorf("%s, %s: %v", name, method, err)
			}
			if s == missing && !errors.Is(err, ErrNotInstalled) {
				t.Errorf("%s, %s: %v, want ErrNotInstalled", name, method, err)
			}
		}
	}
}

func TestErrorsHaveNoPassword(t *testing.T) {
	for _, dsn := range []string{"postgres://user:hunter2@127.0.0.1:1/db", "postgres://user:hunter2@%zz/db", "host=127.0.0.1 port=1 user=u password=hunter2 dbname=hunter2"} {
		s, err := Open(Config{DSN: dsn, Fleet: "test"})
		if err == nil {
			_, err = s.Newest(t.Context())
			_ = s.Close()
		}
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v", err)
		}
	}
	if _, err := Open(Config{Fleet: "no/name"}); err == nil {
		t.Error("a fleet has a slash in its name")
	}
}
