package instance

import (
	"context"
	"errors"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/soak"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// G1: a guest in an endless loop delays the garbage collector by one slice of fuel
// at most. Guests' machine code cannot be preempted: without slices no collection
// would end before the guest's deadline, which is an hour here.
func TestG1CollectionsEndDuringSpinningGuests(t *testing.T) {
	spinners := max(1, runtime.GOMAXPROCS(0)-1) // with all processors busy, each collection would also wait for a processor
	rounds := soak.Times(t, "TENANTEDGE_COLLECTIONS", 2)
	p, err := NewProgram(context.Background(), Options{
		Wasm: wasmtest.Unruly(t, 0), Config: []byte(`{"abi":1}`), CompileCache: compileCache, Bind: func() hostfuncs.Services { return noTenants{} },
		Limits: Limits{Instances: spinners, Fuel: 1 << 62, Deadline: time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	before := pauses()
	for range rounds {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, spinners)
		for range spinners {
			go func() {
				i, err := p.Borrow(ctx)
				if err != nil {
					ended <- err
					return
				}
				defer p.Return(i)
				ended <- spinning(ctx, i)
			}()
		}
		for p.Stats().Busy < spinners {
			runtime.Gosched()
		}
		for range 3 {
			runtime.GC()
		}
		cancel()
		for range spinners {
			var trap *Trap
			if err := <-ended; !errors.As(err, &trap) || trap.Reason != stats.TrapCancelled {
				t.Fatalf("the guest ended with %v: expected it to spin until it was cancelled", err)
			}
		}
	}
	after := pauses()
	after.sub(before)
	t.Logf("%d pauses while guests spin: median %v, 99th percentile %v, maximum %v",
		after.count(), after.quantile(0.5), after.quantile(0.99), after.quantile(1))
	soak.Figures(t, "collector", map[string]any{
		"Pauses": after.count(), "P50": after.quantile(0.5).String(), "P99": after.quantile(0.99).String(), "Max": after.quantile(1).String(),
	})
}

func spinning(ctx context.Context, i *Instance) error {
	return i.Call(ctx, Route, func(buf []byte) int { return routeRequest(buf, "spin.example.com", "/") }, nil)
}

// histogram counts the collector's pauses by their length, from the request to
// stop the world until all goroutines run again.
type histogram metrics.Float64Histogram

func pauses() histogram {
	s := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(s)
	return histogram(*s[0].Value.Float64Histogram())
}

func (h *histogram) sub(before histogram) {
	for i := range h.Counts {
		h.Counts[i] -= before.Counts[i]
	}
}

func (h *histogram) count() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// quantile returns the upper end of the bucket that the quantile is in.
func (h *histogram) quantile(q float64) time.Duration {
	sum, all := uint64(0), h.count()
	for i, c := range h.Counts {
		if sum += c; c > 0 && float64(sum) >= q*float64(all) {
			return time.Duration(h.Buckets[i+1] * float64(time.Second)).Round(time.Microsecond)
		}
	}
	return 0
}
