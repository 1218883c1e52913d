// Package sourcetest is the suite that every source of tenants passes:
//
//	sourcetest.Run(t, func(t *testing.T, initial tenantdb.State) sourcetest.Backend { … })
package sourcetest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// Backend is a source and the storage that it reads.
type Backend struct {
	Source tenantdb.Source
	// Write replaces the content of the storage.
	Write func(t *testing.T, s tenantdb.State)
	// Break makes the storage unreadable. Mend undoes that, with the content of
	// the last Write.
	Break, Mend func(t *testing.T)
}

// patience is how long a source may take on a busy machine.
const patience = 30 * time.Second

// Run runs the suite. open returns a backend whose storage holds initial.
func Run(t *testing.T, open func(t *testing.T, initial tenantdb.State) Backend) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, open func(*testing.T, tenantdb.State) Backend)
	}{
		{"Load loads the content", testLoad},
		{"Load fails if the storage is unreadable", testLoadBroken},
		{"Follow follows changes", testFollow},
		{"Follow keeps the last good state while the storage is unreadable", testFollowBroken},
		{"only an invalid row is left out", testInvalidRow},
		{"Follow ends with its context", testFollowEnds},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}

func testLoad(t *testing.T, open func(*testing.T, tenantdb.State) Backend) {
	dir := load(t, open(t, initial))
	want(t, dir, initial)
	s := dir.Stats()
	if s.Degraded != "" || s.SyncedAt.IsZero() || s.LeftOut != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func testLoadBroken(t *testing.T, open func(*testing.T, tenantdb.State) Backend) {
	b := open(t, initial)
	b.Break(t)
	if err := b.Source.Load(t.Context(), newDirectory()); err == nil {
		t.Error("no error")
	}
	b.Mend(t)
	load(t, b)
}

func testFollow(t *testing.T, open func(*testing.T, tenantdb.State) Backend) {
	b := open(t, initial)
	dir := load(t, b)
	follow(t, b, dir)
	for _, step := range steps {
		b.Write(t, step)
		waitFor(t, dir, func() string { return difference(dir, step) })
	}
}

func testFollowBroken(t *testing.T, open func(*testing.T, tenantdb.State) Backend) {
	b := open(t, initial)
	dir := load(t, b)
	follow(t, b, dir)
	b.Break(t)
	waitFor(t, dir, func() string {
		if dir.Stats().Degraded == "" {
			return "the directory is not degraded"
		}
		return ""
	})
	want(t, dir, initial)
	b.Mend(t)
	b.Write(t, steps[0])
	waitFor(t, dir, func() string { return difference(dir, steps[0]) })
	if s := dir.Stats(); s.Degraded != "" {
		t.Errorf("still degraded: %s", s.Degraded)
	}
}

func testInvalidRow(t *testing.T, open func(*testing.T, tenantdb.State) Backend) {
	bad := initial
	bad.Tenants = append(slices.Clone(initial.Tenants), tenantdb.Tenant{ID: "66", Schema: "pg_bad"})
	bad.Domains = append(slices.Clone(initial.Domains), tenantdb.Domain{TenantID: "66", Domain: "bad.example.com"})
	dir := load(t, open(t, bad))
	want(t, dir, initial)
	if s := dir.Stats(); s.LeftOut != 2 {
		t.Errorf("%d rows were left out, want 2", s.LeftOut)
	}
}

func testFollowEnds(t *testing.T, open func(*testing.T, tenantdb.State) Backend) {
	b := open(t, initial)
	dir := load(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Source.Follow(ctx, dir); err == nil || ctx.Err() == nil {
		t.Errorf("Follow: %v", err)
	}
}

var initial = tenantdb.State{
	Tenants: []tenantdb.Tenant{
		{ID: "1", Schema: "t1"},
		{ID: "2", Schema: "t2", Attributes: []tenantdb.Attribute{{Name: "schema_pathname", Value: "zwei 😀"}}},
		{ID: "10", Schema: "T_Ten"},
	},
	Domains: []tenantdb.Domain{
		{TenantID: "1", Domain: "one.example.com", IsPrimary: true},
		{TenantID: "1", Domain: "old.example.com", RedirectToPrimary: true},
		{TenantID: "2", Domain: "shared.example.com", Folder: "two", IsPrimary: true},
		{TenantID: "10", Domain: "shared.example.com", Folder: "ten", IsPrimary: true},
		{TenantID: "10", Domain: "ten.example.com"},
	},
}

// steps are written one after the other. In the third, each domain row moves to
// another tenant.
var steps = []tenantdb.State{
	{
		Tenants: append(slices.Clone(initial.Tenants), tenantdb.Tenant{ID: "11", Schema: "t11"}),
		Domains: append(slices.Clone(initial.Domains), tenantdb.Domain{TenantID: "11", Domain: "eleven.example.com", IsPrimary: true}),
	},
	{
		Tenants: []tenantdb.Tenant{{ID: "1", Schema: "renamed"}, {ID: "2", Schema: "t2"}},
		Domains: []tenantdb.Domain{
			{TenantID: "1", Domain: "one.example.com"},
			{TenantID: "1", Domain: "old.example.com", IsPrimary: true},
		},
	},
	{
		Tenants: []tenantdb.Tenant{{ID: "1", Schema: "renamed"}, {ID: "2", Schema: "t2"}},
		Domains: []tenantdb.Domain{
			{TenantID: "2", Domain: "one.example.com"},
			{TenantID: "2", Domain: "old.example.com", IsPrimary: true},
		},
	},
	{},
	initial,
}

func newDirectory() *tenantdb.Directory {
	return tenantdb.NewDirectory(tenantdb.Options{Logger: slog.New(slog.DiscardHandler)})
}

func load(t *testing.T, b Backend) *tenantdb.Directory {
	t.Helper()
	dir := newDirectory()
	if err := b.Source.Load(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func follow(t *testing.T, b Backend, dir *tenantdb.Directory) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Source.Follow(ctx, dir) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err == nil {
			t.Error("Follow returned nil")
		}
	})
}

func want(t *testing.T, dir *tenantdb.Directory, s tenantdb.State) {
	t.Helper()
	if diff := difference(dir, s); diff != "" {
		t.Error(diff)
	}
}

// difference describes how the directory differs from s; empty if it does not.
func difference(dir *tenantdb.Directory, s tenantdb.State) string {
	var got, want []string
	for t := range dir.Tenants() {
		got = append(got, fmt.Sprint(t.ID, t.Schema, t.Attributes))
	}
	for d := range dir.Domains() {
		got = append(got, fmt.Sprint(d))
	}
	for _, t := range s.Tenants {
		want = append(want, fmt.Sprint(t.ID, t.Schema, t.Attributes))
	}
	for _, d := range s.Domains {
		want = append(want, fmt.Sprint(d))
	}
	slices.Sort(got)
	slices.Sort(want)
	if slices.Equal(got, want) {
		return ""
	}
	return fmt.Sprintf("the directory holds\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
}

// waitFor calls problem until it returns the empty string.
func waitFor(t *testing.T, dir *tenantdb.Directory, problem func() string) {
	t.Helper()
	if p := poll(problem); p != "" {
		t.Fatalf("after %v: %s\nstats: %+v", patience, p, dir.Stats())
	}
}

// Eventually waits until holds returns true.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	problem := func() string {
		if holds() {
			return ""
		}
		return what
	}
	if p := poll(problem); p != "" {
		t.Fatalf("timed out after %v waiting for: %s", patience, p)
	}
}

// poll calls problem until it returns the empty string, or returns the problem
// that remains after patience.
func poll(problem func() string) string {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		p := problem()
		if p == "" {
			return ""
		}
		select {
		case <-tick.C:
		case <-deadline:
			return p
		}
	}
}
