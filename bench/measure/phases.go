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

// openPhases measures the parts of a routed request by themselves. What lies
// between them (the guest's logic, pool and reset) is told by differences.
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
	var fuel uint64
	each := func(part string, f func(ctx context.Context, q *edge.Request) error) {
		out.cases = append(out.cases, benchCase{name: "Phase/part=" + part, run: func(b *testing.B) {
			b.ReportAllocs()
			q := table.Request("")
			for i := range b.N {
				q.Host = t.Hosts[i&(len(t.Hosts)-1)]
				if err := f(ctx, &q); err != nil {
					b.Fatal(err)
				}
			}
			if part == partGuest {
				b.ReportMetric(float64(changed), "changed-pages/op")
			}
			if part == rivals.Edge {
				b.ReportMetric(float64(fuel), "fuel/op")
			}
		}})
	}
	each("write", func(_ context.Context, q *edge.Request) error { p.Write(q); return nil })
	each("read", func(_ context.Context, q *edge.Request) error { return p.Read(q) })
	each("enter", func(ctx context.Context, _ *edge.Request) error { return p.Enter(ctx) })
	each("lookup", func(ctx context.Context, q *edge.Request) error { return p.Lookup(ctx, q.Host) })
	each("directory", func(_ context.Context, q *edge.Request) error {
		if _, ok := t.Directory.ByDomain(q.Host, "orders"); !ok {
			return fmt.Errorf("%s is missing", q.Host)
		}
		return nil
	})
	each(partGuest, func(ctx context.Context, q *edge.Request) error { _, err := p.Route(ctx, q); return err })
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
		if m, ok := r.(rivals.Metered); ok {
			q := table.Request(t.Hosts[0])
			if fuel, err = m.Fuel(ctx, &q); err != nil {
				return err
			}
		}
		each(e.Name, func(ctx context.Context, q *edge.Request) error { _, err := w.Route(ctx, q); return err })
	}
	return nil
}

// partGuest is a whole call in an instance that nobody else wants.
const partGuest = "instance"

// changedPages is the median over some requests, in a guest that is warm.
func changedPages(ctx context.Context, p *rivals.Pieces, t *table.Table) (int, error) {
	var counts []int
	for i := range 256 {
		q := table.Request(t.Hosts[i])
		n, err := p.ChangedPages(ctx, &q)
		if err != nil {
			return 0, err
		}
		counts = append(counts, n)
	}
	slices.Sort(counts)
	return counts[len(counts)/2], nil
}
