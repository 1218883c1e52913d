package instance

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/pristine"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// borrowAll borrows n instances.
func borrowAll(t *testing.T, p *Program, n int) []*Instance {
	t.Helper()
	all := make([]*Instance, n)
	for k := range all {
		var err error
		if all[k], err = p.Borrow(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestUnusedInstancesAreClosed(t *testing.T) {
	const most, least = 6, 1
	p := mustLoad(t, sound(), Options{Limits: Limits{Instances: most, QueueTimeout: time.Minute}})
	p.pool.mu.Lock()
	p.pool.keep = least
	p.pool.mu.Unlock()
	for _, i := range borrowAll(t, p, most) {
		p.Return(i)
	}
	p.pool.shrink() // as the timer does: all were used since it was set
	if s := p.Stats(); s.Shrunk != 0 {
		t.Errorf("%d instances were closed right after a peak, want none", s.Shrunk)
	}
	two := borrowAll(t, p, 2)
	p.pool.shrink() // two are in use, four were free all the time
	for _, i := range two {
		p.Return(i)
	}
	if s := p.Stats(); s.Shrunk != most-2 {
		t.Errorf("%d instances were closed, want %d", s.Shrunk, most-2)
	}
	for p.Stats().Instances > 2 { // they are closed in the background
		runtime.Gosched()
	}
	p.pool.shrink()
	if s := p.Stats(); s.Shrunk != most-2 {
		t.Errorf("%d instances were closed, want %d: two were used meanwhile", s.Shrunk, most-2)
	}
	p.pool.shrink()
	if s := p.Stats(); s.Shrunk != most-least {
		t.Errorf("%d instances were closed, want all but %d", s.Shrunk, least)
	}
	// New ones are made on demand.
	for _, i := range borrowAll(t, p, most) {
		if _, err := call(context.Background(), i, Route); err != nil {
			t.Error(err)
		}
		p.Return(i)
	}
}

// An audit should never find a change. The test makes one after the reset.
func TestAnInstanceThatIsNotPristineIsRetiredAndLogged(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Instance)
	}{
		{"memory", func(i *Instance) { i.memory.Bytes()[70_000] ^= 1 }},
		{"a variable", func(i *Instance) { i.globals[0].Set(99) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			g := sound()
			g.Variable = true
			g.With(abi.ExportCacheKey, append([]byte{0x42, 5, 0x24, 0}, wasmtest.I64(0)...)...) // an export sets the variable, so it is state
			p := mustLoad(t, g, Options{
				Limits: Limits{Instances: 1, Audit: 3, QueueTimeout: time.Minute},
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			for n := range 3 {
				i := borrowAll(t, p, 1)[0]
				if _, err := call(context.Background(), i, Route); err != nil {
					t.Fatal(err)
				}
				if n == 2 {
					c.change(i)
				}
				p.Return(i) // the third is audited
			}
			i := borrowAll(t, p, 1)[0] // waits until the audit ends and another instance is made
			defer p.Return(i)
			if err := i.Audit(); err != nil {
				t.Errorf("the audit of the next request's instance: %v", err)
			}
			if s := p.Stats(); s.Audits != 1 || s.Retired[stats.RetiredAudit] != 1 {
				t.Errorf("%d audits, retired %v", s.Audits, s.Retired)
			}
			if !strings.Contains(log.String(), "must not happen") {
				t.Errorf("the log is %q, want that this must not happen", log.String())
			}
		})
	}
}

func TestAWaitingRequestThatEndsLeavesTheQueue(t *testing.T) {
	p := mustLoad(t, sound(), Options{Limits: Limits{Instances: 1, QueueTimeout: time.Hour}})
	held := borrowAll(t, p, 1)[0]
	ctx, cancel := context.WithCancel(context.Background())
	got := make(chan error)
	go func() {
		_, err := p.Borrow(ctx)
		got <- err
	}()
	for p.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if s := p.Stats(); s.Waiting != 0 || s.Queued != 1 || s.TimedOut != 1 {
		t.Errorf("%d requests wait, %d waited, %d timed out: want 0, 1 and 1", s.Waiting, s.Queued, s.TimedOut)
	}
	p.Return(held)
	p.Return(borrowAll(t, p, 1)[0])
}

// leaveInSlot does the first half of a return: it puts the instance into its slot,
// but does not check yet whether the instance is needed elsewhere.
func leaveInSlot(t *testing.T, i *Instance) *slot {
	t.Helper()
	s := i.slot
	if s == nil || !s.put(i) {
		t.Fatal("the instance has no empty slot")
	}
	return s
}

func TestAnInstanceThatStatsTookDuringItsReturnGoesToAWaitingRequest(t *testing.T) {
	p := mustLoad(t, sound(), Options{Limits: Limits{Instances: 1, QueueTimeout: time.Hour}})
	i := borrowAll(t, p, 1)[0]
	got := make(chan *Instance, 1)
	go func() {
		again, err := p.Borrow(context.Background())
		if err != nil {
			t.Error(err)
		}
		got <- again
	}()
	for p.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	s := leaveInSlot(t, i)
	p.Stats() // takes it out of the slot and gives it to the waiting request
	if s.takeBack(i) {
		t.Error("the instance is in its slot, where a waiting request does not look again")
		p.Return(i)
	}
	p.Return(<-got)
}

func TestAnInstanceThatStatsTookDuringItsReturnToAClosedProgramIsClosed(t *testing.T) {
	p := mustLoad(t, sound(), Options{Limits: Limits{Instances: 1}})
	i := borrowAll(t, p, 1)[0]
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Drain(ended); !errors.Is(err, ErrInUse) {
		t.Fatalf("Drain during a call returned %v, want ErrInUse", err)
	}
	s := leaveInSlot(t, i)
	p.Stats()
	if s.takeBack(i) {
		t.Error("the instance is in its slot: a closed program does not take it from there")
		p.Return(i)
	}
	if err := p.Close(); err != nil { // waits for it
		t.Error(err)
	}
}

func TestEveryWaitingRequestGetsTheErrorOfMakingAnInstance(t *testing.T) {
	var logs bytes.Buffer
	p := mustLoad(t, sound(), Options{
		Limits: Limits{Instances: 1, QueueTimeout: time.Hour}, Logger: slog.New(slog.NewTextHandler(&logs, nil)),
	})
	i := borrowAll(t, p, 1)[0]
	const waiters = 3
	got := make(chan error, waiters)
	for range waiters {
		go func() {
			_, err := p.Borrow(context.Background())
			got <- err
		}()
	}
	for p.Stats().Waiting < waiters {
		runtime.Gosched()
	}
	if err := p.image.Close(); err != nil { // so that there is no further memory
		t.Fatal(err)
	}
	i.retire = stats.RetiredGrowth
	p.Return(i)
	for range waiters {
		if err := <-got; !errors.Is(err, pristine.ErrClosed) {
			t.Errorf("a waiting request got %v, want ErrClosed of package pristine", err)
		}
	}
}

func TestAProgramThatCannotBeFilledStaysParked(t *testing.T) {
	p := mustLoad(t, sound(), Options{Limits: Limits{Instances: 2}})
	p.Park()
	if err := p.image.Close(); err != nil { // so that there is no further memory
		t.Fatal(err)
	}
	p.pool.mu.Lock()
	for p.pool.total > 0 { // they are closed in the background
		p.pool.mu.Unlock()
		runtime.Gosched()
		p.pool.mu.Lock()
	}
	p.pool.mu.Unlock()
	if err := p.Fill(context.Background()); !errors.Is(err, pristine.ErrClosed) {
		t.Errorf("Fill returned %v, want ErrClosed of package pristine", err)
	}
	p.pool.mu.Lock()
	defer p.pool.mu.Unlock()
	if p.pool.keep != 0 || p.pool.total != 0 || p.pool.absent != 0 {
		t.Errorf("after Fill failed: keep %d, total %d, absent %d, want 0", p.pool.keep, p.pool.total, p.pool.absent)
	}
}

// A host function's wait ends at the call's deadline, and so does the call: the
// guest's next check reads the clock.
func TestAWaitOfAGuestIsBoundByItsDeadline(t *testing.T) {
	p := mustLoad(t, sound(), Options{Limits: Limits{Instances: 1, Deadline: time.Hour, Fuel: 1 << 40}})
	i := borrowAll(t, p, 1)[0]
	defer p.Return(i)
	i.begin(1<<40, time.Hour)
	before := time.Now()
	ctx, cancel := i.Bound(context.Background())
	defer cancel()
	first, ok := ctx.Deadline()
	if !ok || first.Before(before.Add(time.Hour)) || first.After(time.Now().Add(time.Hour)) {
		t.Errorf("a wait ends at %v, want an hour after %v", first, before)
	}
	again, cancel := i.Bound(context.Background())
	defer cancel()
	if second, _ := again.Deadline(); second != first {
		t.Errorf("the next wait ends at %v, want the call's deadline, %v", second, first)
	}
	short, cancel := context.WithDeadline(context.Background(), before.Add(time.Second))
	defer cancel()
	bounded, cancel := i.Bound(short)
	defer cancel()
	if d, _ := bounded.Deadline(); !d.Equal(before.Add(time.Second)) {
		t.Errorf("with a deadline of the request in a second, a wait ends at %v", d)
	}
	i.Worked()
	if i.limit.Get() != 0 {
		t.Errorf("after work of the host the limit is %d, want 0, so that the guest's next check refills", i.limit.Get())
	}
	if next := i.refill(1); next <= 1 || i.stopped != "" {
		t.Errorf("before the deadline the limit is %d, stopped for %q", next, i.stopped)
	}
	i.ends = before.Add(-time.Nanosecond)
	if next := i.refill(2); next != 0 || i.stopped != stats.TrapDeadline {
		t.Errorf("after the deadline the limit is %d, stopped for %q", next, i.stopped)
	}
}

func TestALongEventGetsMoreFuelAndTimeForEachMiB(t *testing.T) {
	p := mustLoad(t, sound(), Options{Limits: Limits{Instances: 1}})
	i := borrowAll(t, p, 1)[0]
	defer p.Return(i)
	now := time.Now()
	for _, c := range []struct {
		name    string
		started bool // the clock was read before
		length  int
		times   float64
	}{
		{"before the clock is read", false, 16 << 20, 17},
		{"after the clock is read", true, 16 << 20, 17},
		{"half a MiB", true, 512 << 10, 1.5},
	} {
		i.begin(1000, time.Second)
		if c.started {
			i.startClock(now)
		}
		i.extend(c.length)
		i.startClock(now)
		if want := uint64(1000 * c.times); i.budget != want {
			t.Errorf("%s: %d units of fuel, expected %d", c.name, i.budget, want)
		}
		if got, want := i.ends.Sub(now).Seconds(), c.times; got != want {
			t.Errorf("%s: %g s, expected %g", c.name, got, want)
		}
	}
}

func TestDataSegmentsMustBeInsideMemory(t *testing.T) {
	const size = 4 * 65536
	for _, c := range []struct {
		name string
		addr uint32
		data string
		want string
	}{
		{"at the end", size - 4, "data", ""},
		{"empty at the end", size, "", ""},
		{"one byte over", size - 3, "data", "has 4 bytes at 0x3fffd: expected them inside its memory of 262144 bytes"},
		{"after the end", size, "d", "expected them inside its memory"},
		{"empty after the end", size + 1, "", "expected them inside its memory"},
		{"at the end of the address space", 1<<32 - 2, "data", "expected them inside its memory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := load(sound().WithData(c.addr, c.data), Options{})
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("load returned %v, want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			i := borrowAll(t, p, 1)[0]
			if got, ok := i.module.Memory().Read(c.addr, uint32(len(c.data))); !ok || string(got) != c.data {
				t.Errorf("memory has %q at the address of the segment, want %q", got, c.data)
			}
			p.Return(i)
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
