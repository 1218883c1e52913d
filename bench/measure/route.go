package measure

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/tenantedge/tenantedge/bench/rivals"
	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// openRoute compares all rivals with the same requests.
func openRoute(ctx context.Context, o *Options, out *opened) error {
	t, err := table.New(o.Domains)
	if err != nil {
		return err
	}
	for _, e := range rivals.All() {
		r, err := out.start(ctx, e, t)
		if err != nil {
			return err
		}
		if r == nil {
			continue
		}
		w, err := r.Worker()
		if err != nil {
			return err
		}
		out.cases = append(out.cases, benchCase{name: "Route/rival=" + e.Name, run: func(b *testing.B) { loop(b, w, t, b.N, 0) }})
	}
	if o.Base != "" {
		return openBase(ctx, o, out)
	}
	return nil
}

// start starts a rival. It returns nil, and notes why, if the rival cannot run
// on this machine.
func (out *opened) start(ctx context.Context, e rivals.Entry, t *table.Table) (rivals.Rival, error) {
	if e.Missing != "" {
		out.notes = append(out.notes, "missing-"+e.Name+": "+e.Missing)
		return nil, nil
	}
	r, err := e.Start(ctx, t)
	if err != nil {
		return nil, err
	}
	out.close = append(out.close, r.Close)
	return r, nil
}

// loop routes n requests from the table's sequence, beginning at start.
func loop(b *testing.B, w rivals.Worker, t *table.Table, n, start int) {
	b.ReportAllocs()
	// Requests of a server have a context that can be cancelled.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	q := table.Request("")
	mask := len(t.Hosts) - 1
	for i := range n {
		q.Host = t.Hosts[(start+i)&mask]
		a, err := w.Route(ctx, &q)
		if err != nil || a.Outcome != abi.Tenant {
			b.Errorf("%s: expected a tenant, found %v, %v", q.Host, a, err)
			return
		}
	}
}

// openConcurrent runs some rivals on 1, 2, 4 … goroutines, up to four per core.
func openConcurrent(ctx context.Context, o *Options, out *opened) error {
	t, err := table.New(o.Domains)
	if err != nil {
		return err
	}
	for _, e := range rivals.All() {
		if !e.Scales {
			continue
		}
		r, err := out.start(ctx, e, t)
		if err != nil {
			return err
		}
		if r == nil {
			continue
		}
		for n := 1; n <= 4*runtime.NumCPU(); n *= 2 {
			workers := make([]rivals.Worker, n)
			for i := range workers {
				if workers[i], err = r.Worker(); err != nil {
					return err
				}
			}
			out.cases = append(out.cases, benchCase{
				name: fmt.Sprintf("Concurrent/rival=%s/goroutines=%d", e.Name, n),
				run:  func(b *testing.B) { together(b, workers, t) },
			})
		}
	}
	return nil
}

func together(b *testing.B, workers []rivals.Worker, t *table.Table) {
	var wait sync.WaitGroup
	for i, w := range workers {
		wait.Go(func() { loop(b, w, t, b.N/len(workers), i*len(t.Hosts)/len(workers)) })
	}
	wait.Wait()
}

// openScale measures directories of one to a million domains.
func openScale(ctx context.Context, o *Options, out *opened) error {
	for domains := 1; domains <= max(o.Domains, maxDomains(o)); domains *= 10 {
		t, err := table.New(domains)
		if err != nil {
			return err
		}
		out.cases = append(out.cases, benchCase{name: fmt.Sprintf("Scale/rival=lookup/domains=%d", domains), run: func(b *testing.B) { lookups(b, t) }})
		for _, e := range rivals.All() {
			if e.Name != rivals.Native && e.Name != rivals.Edge {
				continue
			}
			r, err := out.start(ctx, e, t)
			if err != nil {
				return err
			}
			w, err := r.Worker()
			if err != nil {
				return err
			}
			out.cases = append(out.cases, benchCase{name: fmt.Sprintf("Scale/rival=%s/domains=%d", e.Name, domains), run: func(b *testing.B) { loop(b, w, t, b.N, 0) }})
		}
	}
	return nil
}

// maxDomains returns a million, or o.Domains if that is small, as in tests.
func maxDomains(o *Options) int {
	if o.Domains < 100_000 {
		return o.Domains
	}
	return 1_000_000
}

// lookups looks domains up in the directory without routing.
func lookups(b *testing.B, t *table.Table) {
	b.ReportAllocs()
	mask := len(t.Hosts) - 1
	for i := range b.N {
		if _, ok := t.Directory.ByDomain(t.Hosts[i&mask], "orders"); !ok {
			b.Fatalf("expected the domain %s in the directory, found none", t.Hosts[i&mask])
		}
	}
}
