//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/artifact/registrytest"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// fleetRolloutsVariable has the number of rollouts of the test under load.
const fleetRolloutsVariable = "TENANTEDGE_FLEET_ROLLOUTS"

// times are how long something took, several times.
type times []time.Duration

func (ts times) String() string {
	sorted := slices.Sorted(slices.Values(ts))
	return "median " + sorted[len(sorted)/2].Round(time.Millisecond).String() + ", longest " + sorted[len(sorted)-1].Round(time.Millisecond).String()
}

// Three edges follow rollouts under load, of guests from the database and from a
// registry: no request fails or gets another tenant, whether an edge, the database or
// the registry is killed meanwhile.
func TestAFleetFollowsRolloutsUnderLoad(t *testing.T) {
	rollouts, long := 6, false
	if n, err := strconv.Atoi(os.Getenv(fleetRolloutsVariable)); err == nil {
		rollouts, long = n, true
	}
	registry := registrytest.Start(t, registrytest.Config{})
	place, _ := strings.CutPrefix(registry.Reference("any"), artifact.Scheme)
	place, _, _ = strings.Cut(place, "/")
	w := startFleetFrom(t, []string{place}, "", "", "")
	w.send(2, "/")
	var all, without, loading times
	for n := range rollouts {
		named, digest := w.numbered(n)
		if n%2 == 1 {
			named = w.pushed(registry, named, fmt.Sprint("v", n))
		}
		if n == rollouts/2 {
			w.missRollout(w.edges[1], named, digest)
			continue
		}
		w.guest(0, "shall run", "rollout", named, "--reason", fmt.Sprint("test ", n))
		took := w.converged(digest, w.edges...).Sub(w.newest().At) // the clock is the database's, on this machine
		load := w.longestLoad(int64(n + 1))
		all, loading, without = append(all, took), append(loading, load), append(without, took-load)
	}
	if long && slices.Max(without) > time.Second {
		t.Errorf("a rollout took %v besides loading the guest, expected at most 1 s", slices.Max(without))
	}
	t.Logf("%d rollouts to 3 edges: %v; loading: %v; the rest: %v", len(all), all, loading, without)
	w.survivesWithoutDatabase(rollouts)
	w.survivesWithoutRegistry(registry, rollouts+1)
	w.finish()
}

// pushed pushes a guest to a registry and returns its reference.
func (w *fleetWorld) pushed(r *registrytest.Registry, path, tag string) string {
	w.Helper()
	wasm, err := os.ReadFile(path)
	if err != nil {
		w.Fatal(err)
	}
	ref, err := artifact.Parse(r.Reference("guests/router:" + tag))
	if err != nil {
		w.Fatal(err)
	}
	if _, err := artifact.Push(w.Context(), ref, artifact.Guest{Wasm: wasm}, artifact.Options{}); err != nil {
		w.Fatal(err)
	}
	return ref.String()
}

// missRollout kills an edge before a rollout, and starts it afterwards: it begins with
// the guest that it has missed.
func (w *fleetWorld) missRollout(e *fleetEdge, named, digest string) {
	w.Helper()
	e.kill()
	w.guest(0, "shall run", "rollout", named)
	e.start()
	e.awaitReady()
	if got := e.host().Guest.Digest; got != digest {
		w.Errorf("the edge that was started again runs %s, expected %s", got, digest)
	}
	w.converged(digest, w.edges...)
}

// longestLoad returns how long the slowest edge took to load the guest of a rollout.
func (w *fleetWorld) longestLoad(rollout int64) (longest time.Duration) {
	w.Helper()
	for _, e := range w.edges {
		w.until(e.name+" reports", func() bool { return w.node(e.name).Rollout == rollout })
		longest = max(longest, time.Duration(w.node(e.name).Report.LoadSeconds*float64(time.Second)))
	}
	return longest
}

// survivesWithoutDatabase kills the database and an edge. n is the number of a guest
// that is rolled out when the database is back.
func (w *fleetWorld) survivesWithoutDatabase(n int) {
	w.Helper()
	running := w.edges[0].host().Guest.Digest
	w.server.Kill(w.T)
	w.edges[2].kill()
	w.edges[2].start()
	w.edges[2].awaitReady()
	if got := w.edges[2].host().Guest.Digest; got != running {
		w.Errorf("started without the database, the edge runs %s, expected %s", got, running)
	}
	w.server.Restart(w.T)
	path, digest := w.numbered(n)
	w.guest(0, "3 of 3 edges have carried it out", "rollout", path, "--wait", "all")
	w.converged(digest, w.edges...)
}

// survivesWithoutRegistry stops the registry before a rollout of the n-th guest.
func (w *fleetWorld) survivesWithoutRegistry(r *registrytest.Registry, n int) {
	w.Helper()
	path, digest := w.numbered(n)
	named := w.pushed(r, path, "late")
	before := w.edges[0].host().Guest.Digest
	// The command reads the guest too, so the rollout is made as it would make it.
	ref, err := artifact.Parse(named)
	if err != nil {
		w.Fatal(err)
	}
	found, err := artifact.Pull(w.Context(), ref, artifact.Options{})
	if err != nil {
		w.Fatal(err)
	}
	r.Kill(w.T)
	next := w.newest()
	next.ID, next.Current = next.ID+1, fleet.Ref{Digest: digest, Source: ref.WithDigest(found.Digest).String()}
	if err := w.store.Append(w.Context(), next); err != nil {
		w.Fatal(err)
	}
	for _, e := range w.edges {
		w.until(e.name+" reports the registry", func() bool { return w.node(e.name).Failed == next.ID })
		if got := e.host().Guest.Digest; got != before {
			w.Errorf("without the registry, %s runs %s, expected %s", e.name, got, before)
		}
	}
	w.guest(0, "failed", "status")
	r.Restart(w.T)
	w.converged(digest, w.edges...)
}

// Each planted fault, tried as a canary, ends the trial on all edges.
func TestAFaultOnOneEdgeEndsTheTrialOfTheFleet(t *testing.T) {
	w := startFleet(t, "", "", "")
	path, digest := w.numbered(1)
	w.guest(0, "3 of 3 edges have carried it out", "rollout", path, "--wait", "all")
	faulty := w.module("faulty.wasm", wasmtest.Guest(t, "edge/testdata/faulty"))
	w.guest(0, "pushed ", "push", faulty)
	for i, c := range []struct {
		name   string
		tenant string
		path   string
		flags  []string
		why    string
	}{
		{"the wrong tenant for one host", "t500", "/", []string{"--differences", "0"}, "decisions differ"},
		{"ten times the fuel on one path", "t1", "/costly", []string{"--fuel", "10"}, "times the fuel"},
		{"a trap on one path", "t1", "/trap", nil, "calls failed"},
	} {
		w.guest(0, "3 of 3 edges", append([]string{"rollout", faulty, "--canary", "100%", "--wait", "all"}, c.flags...)...)
		trial := w.newest()
		e := w.edges[i%len(w.edges)]
		// The limits of failures and cost are shares of 1,000 requests: the second one
		// exceeds them.
		for range 2 {
			if err := ask(noKeepAlive, e.address, c.tenant, c.path); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		began := time.Now()
		for _, other := range w.edges {
			w.until(c.name+" ends on "+other.name, func() bool {
				h := other.host()
				return h.Candidate != nil && h.Candidate.Ended != "" && h.Guest.Digest == digest
			})
		}
		t.Logf("%s: ended on all edges after %v", c.name, time.Since(began).Round(time.Millisecond))
		w.until("the history has it", func() bool { return w.newest().ID > trial.ID })
		if r := w.newest(); r.ID != trial.ID+1 || r.Action != fleet.ActionLimit || r.Who != e.name || !strings.Contains(r.Why, c.why) || r.Current.Digest != digest {
			t.Errorf("%s: the history has %+v", c.name, r)
		}
		w.guest(0, c.why, "status")
		w.guest(1, "expected a trial, found none", "promote")
	}
}

var noKeepAlive = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

// A guest that one edge refuses runs on the others; the command says who refuses it,
// and why.
func TestAGuestThatOneEdgeRefusesRunsOnTheOthers(t *testing.T) {
	private, public := keys(t)
	w := startFleet(t, "", "", "guest: {trusted_keys: ['"+public+"']}")
	unsigned, digest := w.numbered(1)
	out := w.guest(1, "edge3: ", "rollout", unsigned, "--wait", "all")
	if !strings.Contains(out, "expected a signature, found none") || !strings.Contains(out, "expected 3 edges to carry out rollout 1, found 2 of 3") {
		t.Errorf("the command reports %s", out)
	}
	w.converged(digest, w.edges[:2]...)
	before := w.edges[2].host().Guest.Digest
	if before == digest {
		t.Error("the third edge runs an unsigned guest")
	}
	w.guest(0, "failed", "status")
	w.guest(0, " of 3 edges", "rollback", "--wait", "2")
	w.guest(0, "", "rollout", digest, "--wait", "2")

	// The same guest is accepted once it is signed, also after a restart.
	mustCommand(t, "guest", "sign", unsigned, "--key", private)
	w.guest(0, "was pushed before", "push", unsigned)
	w.guest(0, "3 of 3 edges", "rollout", digest[:12], "--wait", "1m")
	w.converged(digest, w.edges...)
	w.edges[2].kill()
	w.edges[2].start()
	w.edges[2].awaitReady()
	w.converged(digest, w.edges[2])
	w.guest(1, "expected the edges to carry out rollout", "rollback", "--wait", "4", "--timeout", "2s")
}

// keys returns the file of a private key without a password, and its public key.
func keys(t *testing.T) (private, public string) {
	t.Helper()
	private = filepath.Join(t.TempDir(), "release")
	mustCommand(t, "guest", "keygen", private, "--no-password")
	text, err := os.ReadFile(private + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return private + ".key", lines[len(lines)-1]
}

// Rows that no command writes change nothing on the edges, which report them.
func TestHostileRowsChangeNothing(t *testing.T) {
	listeners := make([]net.Listener, 2)
	for i := range listeners {
		var err error
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		defer listeners[i].Close()
	}
	silent, internal := listeners[0], listeners[1]
	go func() {
		if c, err := internal.Accept(); err == nil {
			_ = c.Close()
			t.Error("an edge has sent a request to an address that its configuration does not allow")
		}
	}()
	w := startFleetFrom(t, []string{"127.0.0.1:1", silent.Addr().String() + "/x"}, "")
	e := w.edges[0]
	path, digest := w.numbered(1)
	w.guest(0, "1 of 1 edges", "rollout", path, "--wait", "all")
	conn, err := pgx.Connect(t.Context(), os.Getenv("FLEET_TEST_DSN"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`ALTER TABLE tenantedge_guest DROP CONSTRAINT tenantedge_guest_check, DROP CONSTRAINT tenantedge_guest_wasm_check;
		INSERT INTO tenantedge_guest (digest, wasm, pushed_by) VALUES (repeat('a', 64), 'another guest', 'mallory'), (repeat('b', 64), decode(repeat('00', 67108865), 'hex'), 'mallory')`)
	for _, c := range []struct {
		name, current, candidate, source, trial string
		want                                    string
	}{
		{"other bytes", strings.Repeat("a", 64), "", "", "{}", "expected a guest with the digest aaaa"},
		{"too many bytes", strings.Repeat("b", 64), "", "", "{}", "the guest is too large"},
		{"an unknown guest", strings.Repeat("c", 64), "", "", "{}", "expected a guest that was pushed"},
		{"no reference", strings.Repeat("c", 64), "", "oci://no reference", "{}", "expected a reference"},
		{"no registry", strings.Repeat("c", 64), "", "oci://127.0.0.1:1/x@sha256:" + strings.Repeat("c", 64), "{}", "127.0.0.1:1"},
		{"another registry", strings.Repeat("c", 64), "", "oci://" + internal.Addr().String() + "/x@sha256:" + strings.Repeat("c", 64), "{}", "fleet.registries"},
		{"another repository", strings.Repeat("c", 64), "", "oci://" + silent.Addr().String() + "/xy@sha256:" + strings.Repeat("c", 64), "{}", "fleet.registries"},
		{"garbage for a trial", digest, strings.Repeat("a", 64), "", `[{"canary": "\\u001b[2J"}]`, "expected how the candidate is tried"},
		{"another candidate", digest, strings.Repeat("a", 64), "", `{"canary": 1}`, "expected a guest with the digest aaaa"},
	} {
		id := w.newest().ID + 1
		exec(`INSERT INTO tenantedge_rollout (fleet, id, action, current_digest, current_source, candidate_digest, trial, who, why) VALUES ('test', $1, E'a\ntrial', $2, $3, $4, $5, E'mallory\x1b[2J', '')`,
			id, c.current, c.source, c.candidate, c.trial)
		w.until(c.name+" is reported", func() bool { n := w.node(e.name); return n.Failed == id && strings.Contains(n.Error, c.want) })
		if got := e.host().Guest.Digest; got != digest {
			t.Errorf("%s: the edge runs %s", c.name, got)
		}
		if out := w.guest(0, "failed", "status"); strings.Contains(out, "\x1b") {
			t.Errorf("%s: the status has control characters: %q", c.name, out)
		}
	}
	// A registry that does not answer delays no other rollout.
	exec("INSERT INTO tenantedge_rollout (fleet, id, action, current_digest, current_source, who) VALUES ('test', $1, 'rollout', $2, $3, 'mallory')",
		w.newest().ID+1, strings.Repeat("c", 64), fmt.Sprintf("oci://%s/x@sha256:%064d", silent.Addr(), 0))
	if asked, err := silent.Accept(); err != nil {
		t.Error(err)
	} else {
		defer asked.Close()
	}
	w.guest(0, "1 of 1 edges", "rollout", path, "--wait", "30s")

	// Without its rows, the fleet's guest stays, also after a restart.
	exec("ALTER TABLE tenantedge_rollout DISABLE TRIGGER USER; DELETE FROM tenantedge_rollout; ALTER TABLE tenantedge_rollout ENABLE TRIGGER USER")
	e.kill()
	e.start()
	e.awaitReady()
	w.until("the loss is reported", func() bool {
		return strings.Contains(w.node(e.name).Error, "found none, although this edge has seen some")
	})
	w.converged(digest, e)
	other, otherDigest := w.numbered(2)
	w.guest(0, "1 of 1 edges", "rollout", other, "--wait", "all")
	w.converged(otherDigest, e)
}

// Two operators at once: the second one learns what the first has done. One edge alone
// cannot be changed, and its own guest runs where no rollout decides.
func TestOperatorsOfAFleet(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own.wasm")
	if err := os.WriteFile(own, wasmtest.Sound().Wasm(), 0o600); err != nil {
		t.Fatal(err)
	}
	w := startFleet(t, "guest: {path: '"+own+"'}")
	e := w.edges[0]
	ownDigest := e.host().Guest.Digest
	w.guest(0, "fleet test has no rollout", "status")
	for _, args := range [][]string{{"promote"}, {"abort"}} {
		w.guest(1, "expected a trial, found none", args...)
	}
	w.guest(1, "expected a guest before the one that runs, found none", "rollback")
	w.guest(1, "expected a guest that was pushed, found none", "rollout", "0123456789abcdef")
	w.guest(2, "--wait: expected a number of edges", "rollback", "--wait", "some")
	w.guest(1, "expected shares between 0 and 1", "rollout", own, "--canary", "200%")
	w.guest(1, "expected a shadow or a canary, found both", "rollout", own, "--canary", "1", "--shadow", "1")
	path, digest := w.numbered(1)
	w.guest(0, "1 of 1 edges", "rollout", path, "--canary", "5%", "--wait", "1", "--reason", "ticket 1")
	if got := e.host(); got.Guest.Digest != ownDigest || got.Candidate == nil || got.Candidate.Canary != 0.05 {
		t.Errorf("the edge runs %s instead of %s, and tries %+v", got.Guest.Digest, ownDigest, got.Candidate)
	}
	w.guest(1, "--expect: expected rollout 7 to be the newest one, found rollout 1 (trial by", "promote", "--expect", "7")

	// A candidate outlives a restart of the edge.
	e.kill()
	e.start()
	e.awaitReady()
	w.until("the candidate is tried again", func() bool { c := e.host().Candidate; return c != nil && c.Guest.Digest == digest && c.Ended == "" })
	w.guest(0, "a canary for 5 % of the tenants", "status")
	if code, out, _ := command("", "guest", "status", "-c", w.config, "--json"); code != 0 || !strings.Contains(out, `"why": "ticket 1"`) || !json.Valid([]byte(out)) {
		t.Errorf("as JSON: exit %d, %s", code, out)
	}
	w.guest(0, "1 of 1 edges", "promote", "--expect", "1", "--wait", "all")
	w.converged(digest, e)
	if err := os.WriteFile(own, append(wasmtest.Sound().Wasm(), 0, 3, 1, 'n', 'x'), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"rollout", own}, {"push", own}, {"promote"}, {"rollback"}, {"abort"}} {
		code, out, errs := command("", append(append([]string{"guest"}, args...), "--admin", "http://"+e.admin)...)
		if code != 1 || !strings.Contains(errs, "409") || !strings.Contains(errs, "a node of the fleet test") {
			t.Errorf("%v on one edge: exit %d, %s%s", args, code, out, errs)
		}
	}
	if got := e.host().Guest.Digest; got != digest {
		t.Errorf("after a change of the guest's file, the edge runs %s", got)
	}
	w.guest(0, "1 of 1 edges", "rollback", "--wait", "all") // to the guest of the configuration
	w.until("the edge's own guest runs", func() bool { d := e.host().Guest.Digest; return d != digest && d != ownDigest })
	w.guest(0, "1 of 1 edges", "rollback", "--wait", "all")
	w.converged(digest, e)
	w.guest(0, digest[:12]+"  guest1", "list")
}
