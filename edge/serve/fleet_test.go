package serve

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

// numberedRouter returns the default guest with another digest for each n.
func numberedRouter(n byte) []byte {
	return append(bytes.Clone(assets.Router), 0, 3, 1, 'n', n) // with an additional custom section
}

// A reload changes neither the guest of the fleet nor its trial, and a rollout takes
// effect after it as before.
func TestAReloadKeepsWhatTheFleetRolledOut(t *testing.T) {
	t.Setenv("FLEET_TEST_DSN", pgtest.Start(t).NewDB(t))
	folder := t.TempDir()
	text := func(heartbeat, body string) string {
		return fmt.Sprintf(`
listeners: ["127.0.0.1:0"]
admin: 127.0.0.1:0
tenants: {www: {DOMAINS: [www.test], URLCONF: app}}
urlconfs: {app: {reply: {body: %s}}}
fleet: {name: test, node: one, dsn_env: FLEET_TEST_DSN, heartbeat: %s, last_good: %q}
`, body, heartbeat, filepath.Join(folder, "fleet.guest"))
	}
	store, err := fleet.Open(fleet.Config{DSN: os.Getenv("FLEET_TEST_DSN"), Fleet: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Install(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	refs := make([]fleet.Ref, 3)
	for n := range refs {
		wasm := numberedRouter(byte(n))
		refs[n].Digest = instance.Digest(wasm)
		if _, err := store.Push(t.Context(), wasm, nil, fleet.Guest{}); err != nil {
			t.Fatal(err)
		}
	}
	r := serveText(t, text("100ms", "one"), tryHere)
	roll := func(id int64, current, candidate fleet.Ref, trial string) {
		t.Helper()
		if err := store.Append(t.Context(), fleet.Rollout{ID: id, Action: fleet.ActionRollout, Current: current, Candidate: candidate, Trial: []byte(trial), Who: "test"}); err != nil {
			t.Fatal(err)
		}
		r.eventually(fmt.Sprint("rollout ", id), func() bool { return r.server.Readiness().Fleet.Rollout == id })
	}
	runs := func(digest, candidate string) {
		t.Helper()
		s := r.server.Host().Stats()
		tried := ""
		if s.Candidate != nil && s.Candidate.Ended == "" {
			tried = s.Candidate.Guest.Digest
		}
		if s.Guest.Digest != digest || tried != candidate {
			t.Errorf("the edge runs %s and tries %s, expected %s and %s", s.Guest.Digest, tried, digest, candidate)
		}
	}
	roll(1, refs[0], refs[1], `{"canary": 0.5}`)
	runs(refs[0].Digest, refs[1].Digest)
	if err := r.server.Reload(t.Context(), r.parse(text("200ms", "two"))); err != nil {
		t.Fatal(err)
	}
	runs(refs[0].Digest, refs[1].Digest)
	if body := r.get("www.test", "/").body; body != "two" {
		t.Errorf("after the reload, the edge answers %q", body)
	}
	if restart := r.server.Readiness().Configuration.Restart; !slices.Contains(restart, "fleet") {
		t.Errorf("these keys need a restart: %v; expected fleet", restart)
	}
	roll(2, refs[1], fleet.Ref{}, "{}")
	runs(refs[1].Digest, "")
	roll(3, refs[2], fleet.Ref{}, "{}")
	runs(refs[2].Digest, "")
	roll(4, fleet.Ref{}, fleet.Ref{}, "{}")
	runs(instance.Digest(assets.Router), "")
	nodes, err := store.Nodes(t.Context())
	if err != nil || len(nodes) != 1 || nodes[0].Name != "one" || nodes[0].Process == "" {
		t.Errorf("the nodes are %+v, %v", nodes, err)
	}
}

// An edge keeps a bounded number of guests that were pushed to it.
func TestAnEdgeKeepsTheLastGuestsThatWerePushed(t *testing.T) {
	var f shelf
	for n := range 2 * shelfGuests {
		f.add(signedGuest{wasm: fmt.Append(nil, "guest ", n)}, "alice")
	}
	if list := f.list(); len(list) != shelfGuests || list[0].Digest != instance.Digest(fmt.Append(nil, "guest ", 2*shelfGuests-1)) || list[0].PushedBy != "alice" {
		t.Errorf("%d guests are kept, the newest is %+v", len(list), list[0])
	}
	f.add(f.items[3].signedGuest, "bob")
	if list := f.list(); len(list) != shelfGuests || list[0].PushedBy != "bob" {
		t.Errorf("pushed again: %d guests, the newest is %+v", len(list), list[0])
	}
	for n := range 3 {
		f.add(signedGuest{wasm: append(make([]byte, maxGuestBytes-1), byte(n))}, "carol")
	}
	if list := f.list(); len(list) != 2 || !strings.HasPrefix(list[1].PushedBy, "carol") {
		t.Errorf("of three large guests, %d are kept", len(list))
	}
}
