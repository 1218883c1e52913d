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

// A load with swaps lasts long enough to compile a guest while all cores are
// busy. Its results are split into slices of equal length.
const (
	swapFactor = 25
	swapSlices = 50
	swapsAt    = 10 // slices between two swaps
)

// openSwap measures a server under load while its guest is not swapped, swapped
// for the previous one, which is kept compiled, and swapped for a new one.
func openSwap(ctx context.Context, o *Options, out *opened) error {
	t, err := table.New(o.Domains)
	if err != nil {
		return err
	}
	length := max(min(swapFactor*o.Time, longestAll/time.Duration(o.Rounds)), swapSlices*time.Millisecond) // the log counts slices in milliseconds
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
	if err := s.Swap(ctx); err != nil { // so that a rollback has a previous guest
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

// swapUnderLoad loads the server and calls swap after swapsAt slices; if often
// is set, again after each further swapsAt slices. It returns lines for the log.
func swapUnderLoad(ctx context.Context, s *web.Server, p web.Plan, name string, swap func(context.Context) error, often bool) (string, error) {
	finished := make(chan swaps, 1)
	loaded := make(chan struct{})
	go func() { finished <- swapRepeatedly(ctx, swapsAt*p.Slice, swap, often, loaded) }()
	r, err := web.Load(ctx, s.Address, p)
	close(loaded)
	e := <-finished
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
		r.Requests, float64(r.Took)/n, n/r.Took.Seconds(), r.P50, r.P99, e.count, u.Resident, u.Files)
	if e.count > 0 {
		out += fmt.Sprintf("\t%d swap-ns", int(e.took)/e.count)
	}
	for i, slice := range r.Slices {
		at := time.Duration(i) * p.Slice
		out += fmt.Sprintf("\nBenchmark%s/at=%d\t%8d\t%10.0f req/s\t%10d p99-ns", name, at.Milliseconds(), slice.Requests, float64(slice.Requests)/p.Slice.Seconds(), slice.P99)
	}
	return out, nil
}

// swaps summarizes the swaps during one load.
type swaps struct {
	count int
	took  time.Duration // of all swaps together
	err   error         // of the last swap
}

// swapRepeatedly calls swap after an interval, and after each further one if
// often is set, until stop is closed or swap fails. A nil swap is never called.
func swapRepeatedly(ctx context.Context, interval time.Duration, swap func(context.Context) error, often bool, stop <-chan struct{}) (s swaps) {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for s.err == nil && swap != nil && (often || s.count == 0) {
		select {
		case <-ticks.C:
			began := time.Now()
			s.err = swap(ctx)
			s.took += time.Since(began)
			s.count++
		case <-stop:
			return s
		}
	}
	return s
}
