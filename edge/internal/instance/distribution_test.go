package instance

import (
	"context"
	"errors"
	"testing"

	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestAValueIsCountedUpToItsBound(t *testing.T) {
	var d distribution
	for _, v := range []uint64{0, 500, 501, 2000, 5e8, 5e8 + 1, 1 << 60} {
		d.add(v, &fuelBounds)
	}
	h := d.fuel()
	if len(h.Counts) != len(h.Bounds)+1 {
		t.Fatalf("%d counts of %d bounds", len(h.Counts), len(h.Bounds))
	}
	for bound, want := range map[int]uint64{0: 2, 1: 1, 2: 1, 3: 0, len(h.Bounds) - 1: 1, len(h.Bounds): 2} {
		if h.Counts[bound] != want {
			t.Errorf("bucket %d has %d values, want %d", bound, h.Counts[bound], want)
		}
	}
	if want := float64(500 + 501 + 2000 + 2*5e8 + 1 + 1<<60); h.Sum != want {
		t.Errorf("the sum is %v, want %v", h.Sum, want)
	}
}

func TestCallsAreCountedByTimeAndFuel(t *testing.T) {
	const calls = 100 // more than an instance keeps to itself
	p := mustLoad(t, sound().Replies(abi.ExportCacheKey, "not a message"), Options{Limits: Limits{Instances: 1}})
	sum := func(h stats.Histogram) (n uint64) {
		for _, count := range h.Counts {
			n += count
		}
		return n
	}
	ctx := context.Background()
	for n := range calls {
		i, err := p.Borrow(ctx)
		if err != nil {
			t.Fatal(err)
		}
		export := Route
		if n%2 == 1 {
			export = CacheKey // it traps, which counts too
		}
		if _, err = call(ctx, i, export); err != nil != errors.Is(err, ErrTrap) || (err != nil) != (export == CacheKey) {
			t.Fatal(err)
		}
		p.Return(i)
	}
	s := p.Stats()
	if sum(s.CallFuel) != calls || s.Calls != calls {
		t.Errorf("%d calls: %d by fuel, %d in all", calls, sum(s.CallFuel), s.Calls)
	}
	// A trap adds the usage up, so the call after it is timed.
	if n := sum(s.CallSeconds); n != calls/2 {
		t.Errorf("%d of %d calls are timed, want those after a trap", n, calls)
	}
	if s.CallSeconds.Sum <= 0 || s.CallFuel.Sum != float64(s.Fuel) || s.Fuel == 0 {
		t.Errorf("%v seconds, %v units of fuel of %d", s.CallSeconds.Sum, s.CallFuel.Sum, s.Fuel)
	}
}

func TestOneCallInEightIsTimed(t *testing.T) {
	p := mustLoad(t, sound(), Options{Limits: Limits{Instances: 1}})
	i, err := p.Borrow(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for range 3*timedEach + 1 {
		if _, err := call(context.Background(), i, Route); err != nil {
			t.Fatal(err)
		}
	}
	p.Return(i)
	var n uint64
	for _, count := range p.Stats().CallSeconds.Counts {
		n += count
	}
	if n != 4 {
		t.Errorf("%d of %d calls are timed, want 4", n, 3*timedEach+1)
	}
}
