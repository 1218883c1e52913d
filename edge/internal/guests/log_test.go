package guests

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheRecordAfterDroppedOnesHasTheirNumber_D5(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		l := newGuestLog(log.logger(), 1<<10)
		write := func(n int) {
			for range n {
				l.write(t.Context(), slog.LevelInfo, strings.Repeat("x", 1<<10-recordOverhead), nil)
			}
		}
		write(20) // a burst is 16 records, and one record is allowed each second
		if l.written.Load() != 16 || l.dropped.Load() != 4 {
			t.Errorf("%d written and %d dropped", l.written.Load(), l.dropped.Load())
		}
		time.Sleep(2 * time.Second)
		write(3)
		if got := strings.Count(log.String(), "dropped="); got != 1 || !strings.Contains(log.String(), "dropped=4") {
			t.Errorf("%d records state how many were dropped: %s", got, log.String())
		}
		l.write(t.Context(), slog.LevelDebug, "below the level of the log", nil)
		if l.written.Load() != 18 || l.dropped.Load() != 5 {
			t.Errorf("%d written and %d dropped", l.written.Load(), l.dropped.Load())
		}
		unbounded := newGuestLog(log.logger(), -1)
		for range 1000 {
			unbounded.write(t.Context(), slog.LevelInfo, "x", nil)
		}
		if unbounded.dropped.Load() != 0 {
			t.Errorf("%d dropped without a limit", unbounded.dropped.Load())
		}
	})
}

func TestAttributesOfAGuestReplaceNoneOfTheHost(t *testing.T) {
	var log logBuffer
	set := testSet(t)
	set.log = newGuestLog(log.logger(), 1<<10)
	s := newServices(set, nil)
	write := func(attrs ...slog.Attr) { s.Log(t.Context(), slog.LevelInfo, "canary", attrs...) }
	write(slog.String("from", "x\nfrom=host"), slog.String("cell", "eu"))
	if got := log.String(); !strings.Contains(got, ` msg=canary from=guest attrs.from="x\nfrom=host" attrs.cell=eu`) || strings.Count(got, "\n") != 1 {
		t.Errorf("logged %q", got)
	}
	for range 20 {
		write(slog.String("long", strings.Repeat("x", 4<<10)))
	}
	if set.log.dropped.Load() < 16 {
		t.Errorf("dropped %d records: their attributes do not count", set.log.dropped.Load())
	}
}
