package measure

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/tenantedge/tenantedge/bench/measure/probe"
	"github.com/tenantedge/tenantedge/bench/rivals"
	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/edge"
)

// openPhases measures the parts of a routed request separately. The report
// computes the rest (the guest's logic, pool and reset) as differences.
func openPhases(ctx context.Context, o *Options, out *opened) error {
	t, err := table.New(o.Domains)
	if err != nil {
		return err
	}
	p, err := rivals.StartPieces(ctx, t, probe.Wasm, probe.Nothing, probe.Lookup)
	if err != nil {
		return err
	}
	out.close = append(out.close, p.Close)
	changed, err := changedPages(ctx, p, t)
	if err != nil {
		return err
	}
	add := func(part string, metrics map[string]uint64, f func(ctx context.Context, q *edge.Request) error) {
		out.cases = append(out.cases, benchCase{name: "Phase/part=" + part, run: phase(ctx, t, metrics, f)})
	}
	add("write", nil, func(_ context.Context, q *edge.Request) error { p.Write(q); return nil })
	add("read", nil, func(_ context.Context, q *edge.Request) error { return p.Read(q) })
	add("enter", nil, func(ctx context.Context, _ *edge.Request) error { return p.Enter(ctx) })
	add("lookup", nil, func(ctx context.Context, q *edge.Request) error { return p.Lookup(ctx, q.Host) })
	add("directory", nil, func(_ context.Context, q *edge.Request) error {
		if _, ok := t.Directory.ByDomain(q.Host, "orders"); !ok {
			return fmt.Errorf("measure: expected the domain %s in the directory, found none", q.Host)
		}
		return nil
	})
	add("instance", map[string]uint64{"changed-pages/op": changed}, func(ctx context.Context, q *edge.Request) error { _, err := p.Route(ctx, q); return err })
	return openRivalPhases(ctx, out, t, add)
}

// addPhase adds a part of a routed request and further metrics by their units.
type addPhase func(part string, metrics map[string]uint64, f func(ctx context.Context, q *edge.Request) error)

// openRivalPhases adds complete routing by the rivals that the report subtracts
// from each other.
func openRivalPhases(ctx context.Context, out *opened, t *table.Table, add addPhase) error {
	for _, e := range rivals.All() {
		if e.Name != rivals.Native && e.Name != rivals.Pooled && !e.Engine {
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
		var metrics map[string]uint64
		if m, ok := r.(rivals.Metered); ok {
			q := table.Request(t.Hosts[0])
			fuel, err := m.Fuel(ctx, &q)
			if err != nil {
				return err
			}
			metrics = map[string]uint64{"fuel/op": fuel}
		}
		add(e.Name, metrics, func(ctx context.Context, q *edge.Request) error { _, err := w.Route(ctx, q); return err })
	}
	return nil
}

// phase returns a benchmark that calls f for the requests of the table and
// reports further metrics by their units.
func phase(ctx context.Context, t *table.Table, metrics map[string]uint64, f func(context.Context, *edge.Request) error) func(*testing.B) {
	return func(b *testing.B) {
		b.ReportAllocs()
		q := table.Request("")
		for i := range b.N {
			q.Host = t.Hosts[i&(len(t.Hosts)-1)]
			if err := f(ctx, &q); err != nil {
				b.Fatal(err)
			}
		}
		for unit, value := range metrics {
			b.ReportMetric(float64(value), unit)
		}
	}
}

// changedPages returns the median number of pages that a request changes in the
// memory of a warm guest.
func changedPages(ctx context.Context, p *rivals.Pieces, t *table.Table) (uint64, error) {
	var counts []uint64
	for i := range 256 {
		q := table.Request(t.Hosts[i])
		n, err := p.ChangedPages(ctx, &q)
		if err != nil {
			return 0, err
		}
		counts = append(counts, uint64(n))
	}
	slices.Sort(counts)
	return counts[len(counts)/2], nil
}
