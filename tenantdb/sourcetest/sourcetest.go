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

// Backend is a source with the place that it reads.
type Backend struct {
	Source tenantdb.Source
	// Write makes the place hold exactly this state.
	Write func(t *testing.T, s tenantdb.State)
	// Break makes the place unreadable, Mend undoes that. What Write wrote last
	// is there again then, or may be written again.
	Break, Mend func(t *testing.T)
}

// patience is how long a source may take on a busy machine; a test that passes
// waits for the event alone.
const patience = 30 * time.Second

// Run runs the suite; open makes a place that holds a state, and its source.
func Run(t *testing.T, open func(t *testing.T, initial tenantdb.State) Backend) {
	t.Run("what the place holds is loaded", func(t *testing.T) {
		b := open(t, initial)
		dir := load(t, b)
		want(t, dir, initial)
		s := dir.Stats()
		if s.Degraded != "" || s.SyncedAt.IsZero() || s.Refused != 0 {
			t.Errorf("stats: %+v", s)
		}
	})
	t.Run("a place that cannot be read is an error", func(t *testing.T) {
		b := open(t, initial)
		b.Break(t)
		if err := b.Source.Load(t.Context(), newDirectory()); err == nil {
			t.Error("no error")
		}
		b.Mend(t)
		load(t, b)
	})
	t.Run("changes are followed", func(t *testing.T) {
		b := open(t, initial)
		dir := load(t, b)
		follow(t, b, dir)
		for _, step := range steps {
			b.Write(t, step)
			waitFor(t, dir, func() string { return differs(dir, step) })
		}
	})
	t.Run("a place that is lost keeps the last good state and says why", func(t *testing.T) {
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
		waitFor(t, dir, func() string { return differs(dir, steps[0]) })
		if s := dir.Stats(); s.Degraded != "" {
			t.Errorf("still degraded: %s", s.Degraded)
		}
	})
	t.Run("a row that is not valid takes nothing else down", func(t *testing.T) {
		bad := initial
		bad.Tenants = append(slices.Clone(initial.Tenants), tenantdb.Tenant{ID: "66", Schema: "pg_bad"})
		bad.Domains = append(slices.Clone(initial.Domains), tenantdb.Domain{TenantID: "66", Domain: "bad.example.com"})
		b := open(t, bad)
		dir := load(t, b)
		want(t, dir, initial)
		if s := dir.Stats(); s.Refused != 2 {
			t.Errorf("%d rows were refused, want 2", s.Refused)
		}
	})
	t.Run("following ends with its context", func(t *testing.T) {
		b := open(t, initial)
		dir := load(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Source.Follow(ctx, dir); err == nil || ctx.Err() == nil {
			t.Errorf("Follow: %v", err)
		}
	})
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

// steps are one after the other; each row of the third was another tenant's.
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
	if diff := differs(dir, s); diff != "" {
		t.Error(diff)
	}
}

// differs tells how a directory differs from a state, empty if it does not.
func differs(dir *tenantdb.Directory, s tenantdb.State) string {
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

// waitFor asks again and again until problem says there is none.
func waitFor(t *testing.T, dir *tenantdb.Directory, problem func() string) {
	t.Helper()
	if p := outlasting(problem); p != "" {
		t.Fatalf("after %v: %s\nstats: %+v", patience, p, dir.Stats())
	}
}

// Eventually asks again and again until it holds, for sources' own tests.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	problem := func() string {
		if holds() {
			return ""
		}
		return what
	}
	if p := outlasting(problem); p != "" {
		t.Fatalf("not after %v: %s", patience, p)
	}
}

// outlasting is a problem that is still there when patience ends.
func outlasting(problem func() string) string {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); ; {
		p := problem()
		if p == "" {
			return ""
		}
		select {
		case <-tick.C:
		case <-late:
			return p
		}
	}
}
