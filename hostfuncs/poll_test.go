package hostfuncs

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// clockIn returns a subscription to a clock, fileIn one to a file descriptor.
func clockIn(id uint32, timeout uint64, flags uint16) []byte {
	b := make([]byte, subscriptionSize)
	binary.LittleEndian.PutUint32(b[16:], id)
	binary.LittleEndian.PutUint64(b[24:], timeout)
	binary.LittleEndian.PutUint16(b[40:], flags)
	return b
}

func fileIn(tag byte, fd uint32) []byte {
	b := make([]byte, subscriptionSize)
	b[8] = tag
	binary.LittleEndian.PutUint32(b[16:], fd)
	return b
}

// event is an event that poll reports: the number of its subscription, and its
// errno.
type event struct{ number, errno int }

// poll calls poll_oneoff with subs, each with its index as userdata.
func (g *guest) poll(subs ...[]byte) (result uint64, events []event) {
	g.tb.Helper()
	const in, out, count = 1024, 8192, 16
	for i, s := range subs {
		s = slices.Clone(s)
		binary.LittleEndian.PutUint64(s, uint64(i))
		g.put(in+uint32(i)*subscriptionSize, string(s))
	}
	g.put(count, "\x00\x00\x00\x00")
	result = g.mustRun("poll_oneoff", in, out, uint64(len(subs)), count)
	for i := range uint64(binary.LittleEndian.Uint32([]byte(g.get(count, 4)))) {
		e := []byte(g.get(out+i*eventSize, eventSize))
		events = append(events, event{int(binary.LittleEndian.Uint64(e)), int(binary.LittleEndian.Uint16(e[8:]))})
	}
	return result, events
}

// clocks reads both clocks of the guest.
func (g *guest) clocks() (all [2]time.Duration) {
	g.tb.Helper()
	for id := range all {
		if got := g.mustRun("clock_time_get", uint64(id), 0, 32); got != wasiOK {
			g.tb.Fatalf("clock_time_get of clock %d: result %d, want 0", id, got)
		}
		all[id] = time.Duration(binary.LittleEndian.Uint64([]byte(g.get(32, 8))))
	}
	return all
}

func TestPollReportsTheEventsThatAreDueFirst_D6(t *testing.T) {
	const hour = uint64(time.Hour)
	frozen := uint64(frozenTime.UnixNano())
	for _, c := range []struct {
		name  string
		subs  [][]byte
		moved time.Duration // how far both clocks advance
		want  []event
	}{
		{"a time from now", [][]byte{clockIn(clockMono, hour, 0)}, time.Hour, []event{{0, 0}}},
		{"no time", [][]byte{clockIn(clockMono, 0, 0)}, 0, []event{{0, 0}}},
		{"a time of the monotonic clock", [][]byte{clockIn(clockMono, hour, clockAbsolute)}, time.Hour - time.Second, []event{{0, 0}}},
		{"a time of the real-time clock", [][]byte{clockIn(clockReal, frozen+hour, clockAbsolute)}, time.Hour, []event{{0, 0}}},
		{"a time in the past", [][]byte{clockIn(clockReal, 1, clockAbsolute)}, 0, []event{{0, 0}}},
		{"the first of three", [][]byte{clockIn(clockMono, 3*hour, 0), clockIn(clockReal, hour, 0), clockIn(clockReal, frozen+hour, clockAbsolute)}, time.Hour, []event{{1, 0}, {2, 0}}},
		{"an unknown clock", [][]byte{clockIn(clockMono, hour, 0), clockIn(2, hour, 0)}, 0, []event{{1, wasiInval}}},
		{"output, which is ready", [][]byte{clockIn(clockMono, hour, 0), fileIn(tagWrite, stdout), fileIn(tagWrite, stderr)}, 0, []event{{1, 0}, {2, 0}}},
		{"input, which does not exist", [][]byte{clockIn(clockMono, hour, 0), fileIn(tagRead, 0)}, 0, []event{{1, wasiBadf}}},
		{"a file that is not open", [][]byte{fileIn(tagWrite, 3)}, 0, []event{{0, wasiBadf}}},
		{"an unknown subscription", [][]byte{fileIn(9, 0), clockIn(clockMono, hour, 0)}, 0, []event{{0, wasiInval}}},
		{"the longest sleep", [][]byte{clockIn(clockMono, uint64(maxSlept), 0)}, maxSlept, []event{{0, 0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGuest(t)
			g.call.Frozen = true
			before := g.clocks()
			result, events := g.poll(c.subs...)
			after := g.clocks()
			if result != wasiOK || !slices.Equal(events, c.want) {
				t.Errorf("result %d with events %v, want %v", result, events, c.want)
			}
			for id := range before {
				if moved := after[id] - before[id]; moved != c.moved {
					t.Errorf("clock %d advanced by %v, want %v", id, moved, c.moved)
				}
			}
			g.call.Frozen = false
			if now := g.clocks()[clockMono]; now < after[clockMono] {
				t.Errorf("in a request the clock goes back from %v to %v", after[clockMono], now)
			}
		})
	}
}

func TestPollRejectsInvalidArguments_D6(t *testing.T) {
	g := newGuest(t)
	g.call.Frozen = true
	for _, args := range [][]uint64{{65536 - 47, 0, 1, 128}, {0, 65536 - 31, 1, 128}, {0, 0, 1, 65536 - 3}, {1 << 31, 0, 64, 128}} {
		if got := g.mustRun("poll_oneoff", args...); got != wasiFault {
			t.Errorf("poll_oneoff%v: result %d, want EFAULT", args, got)
		}
	}
	if got, _ := g.poll(clockIn(clockMono, math.MaxUint64, 0)); got != wasiIntr || g.call.Slept != 0 {
		t.Errorf("an endless wait: result %d, want EINTR", got)
	}
	for _, count := range []uint64{0, maxSubscriptions + 1, 1<<32 - 1} {
		if got := g.mustRun("poll_oneoff", 0, 0, count, 128); got != wasiInval {
			t.Errorf("%d subscriptions: result %d, want EINVAL", count, got)
		}
	}
}

// In a request a sleep ends after the requested time or at the call's deadline.
// Its fuel does not depend on the duration.
func TestPollWaitsUntilTheDeadlineOfTheRequest_D6(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t)
		p := &meter{}
		g.call.Watch = p
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		g.call.Begin(ctx)
		var costs []uint64
		for _, c := range []struct {
			timeout, want time.Duration
			result        uint64
		}{
			{time.Millisecond, time.Millisecond, wasiOK},
			{50 * time.Second, 50 * time.Second, wasiOK},
			{time.Hour, 10*time.Second - time.Millisecond, wasiIntr},
		} {
			p.used = 0
			began := time.Now()
			result, _ := g.poll(clockIn(clockMono, uint64(c.timeout), 0))
			if waited := time.Since(began); result != c.result || waited != c.want {
				t.Errorf("timeout %v: result %d after %v, want %d after %v", c.timeout, result, waited, c.result, c.want)
			}
			costs = append(costs, p.used)
		}
		if costs[0] < costWait || costs[1] != costs[0] || costs[2] != costs[0] {
			t.Errorf("waiting costs %d units of fuel, want the same each time", costs)
		}
	})
}
