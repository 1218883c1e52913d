package measure

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/bench/web"
)

// A load with swaps is long enough for a guest to be compiled in it while all
// cores are busy, and told in pieces.
const (
	swapFactor = 25
	swapSlices = 50
	swapsAt    = 10 // pieces between the moments at which guests are swapped
)

// openSwap replaces the guest of a server that is under load: not at all, by
// the one before it, which is kept compiled, and by ones that it never saw.
func openSwap(ctx context.Context, o *Options, out *opened) error {
	t, err := table.New(o.Domains)
	if err != nil {
		return err
	}
	length := max(min(swapFactor*o.Time, longestAll/time.Duration(o.Rounds)), swapSlices*time.Millisecond) // pieces are told in milliseconds
	plan := web.Plan{Hosts: t.Hosts, Connections: perCore * runtime.NumCPU(), Length: length, Slice: length / swapSlices}
	s, err := web.Swapped().Start(ctx, o.Domains)
	if err != nil {
		return err
	}
	out.close = append(out.close, s.Close)
	out.notes = append(out.notes, fmt.Sprintf("connections: %d", plan.Connections), fmt.Sprintf("load-time: %v", length))
	if _, err := web.Load(ctx, s.Address, plan); err != nil {
		return err
	}
	if err := s.Swap(ctx); err != nil { // so that there is one to go back to
		return err
	}
	for _, c := range []struct {
		guest string
		swap  func(context.Context) error
		often bool
	}{{"none", nil, false}, {"kept", s.Rollback, true}, {"new", s.Swap, false}} {
		name := "Swap/guest=" + c.guest
		out.cases = append(out.cases, benchCase{name: name, own: func(ctx context.Context) (string, error) {
			return swapUnderLoad(ctx, s, plan, name, c.swap, c.often)
		}})
	}
	return nil
}

// swapUnderLoad loads the server, and swaps at fixed moments: the first after
// swapsAt pieces, and the next ones, if often, in equal distance.
func swapUnderLoad(ctx context.Context, s *web.Server, p web.Plan, name string, swap func(context.Context) error, often bool) (string, error) {
	type end struct {
		swaps int
		took  time.Duration
		err   error
	}
	ended := make(chan end, 1)
	over := make(chan struct{})
	go func() {
		var e end
		defer func() { ended <- e }()
		ticks := time.NewTicker(swapsAt * p.Slice)
		defer ticks.Stop()
		for e.err == nil && swap != nil && (often || e.swaps == 0) {
			select {
			case <-ticks.C:
				began := time.Now()
				e.err = swap(ctx)
				e.took += time.Since(began)
				e.swaps++
			case <-over:
				return
			}
		}
	}()
	r, err := web.Load(ctx, s.Address, p)
	close(over)
	e := <-ended
	if err := errors.Join(err, e.err); err != nil {
		return "", err
	}
	if err := s.Collect(ctx); err != nil {
		return "", err
	}
	u, err := s.Usage()
	if err != nil {
		return "", err
	}
	n := float64(r.Requests)
	out := fmt.Sprintf("%8d\t%10.1f ns/op\t%10.0f req/s\t%10d p50-ns\t%10d p99-ns\t%d swaps\t%d resident-bytes\t%d files",
		r.Requests, float64(r.Took)/n, n/r.Took.Seconds(), r.P50, r.P99, e.swaps, u.Resident, u.Files)
	if e.swaps > 0 {
		out += fmt.Sprintf("\t%d swap-ns", int(e.took)/e.swaps)
	}
	for i, piece := range r.Slices {
		at := time.Duration(i) * p.Slice
		out += fmt.Sprintf("\nBenchmark%s/at=%d\t%8d\t%10.0f req/s\t%10d p99-ns", name, at.Milliseconds(), piece.Requests, float64(piece.Requests)/p.Slice.Seconds(), piece.P99)
	}
	return out, nil
}
