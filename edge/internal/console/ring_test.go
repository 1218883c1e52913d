package console

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(nothing{}, nil)) }

type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }

func TestTheRingKeepsTheLastRecords(t *testing.T) {
	ring := NewRing()
	log := ring.Logger(quiet())
	for n := range maxRecords + 10 {
		log.Info("record", "n", n)
		log.Info("access", "path", "/")
	}
	all, last, _ := ring.since(0, 1<<20, filter{Level: slog.LevelInfo})
	if len(all) != maxRecords+maxAccess || last != 2*(maxRecords+10) || all[0].Text != "access" {
		t.Errorf("%d records, the last is %d", len(all), last)
	}
	found, _, _ := ring.since(0, 5, filter{Level: slog.LevelInfo, Kind: kindEdge})
	if len(found) != 5 || found[0].Attrs[0].Value != fmt.Sprint(maxRecords+9) {
		t.Errorf("the newest records are %+v", found)
	}
}

func TestRecordsAreFiltered(t *testing.T) {
	ring := NewRing()
	log := ring.Logger(quiet())
	log.Debug("not enabled")
	log.Info("one", "tenant", "Acme")
	log.Warn("two", "from", "guest")
	log.With("who", "ada").WithGroup("g").Error("three", "error", errors.New("it broke"), slog.Group("h", "k", 7*time.Second))
	log.Info("audit", "outcome", "done")
	log.Info("access", "from", "guest") // a guest cannot write to the other kinds
	log.Info("audit", "from", "guest")
	for _, c := range []struct {
		f    filter
		want string
	}{
		{filter{Level: slog.LevelInfo}, "audit access audit three two one"},
		{filter{Level: slog.LevelWarn}, "three two"},
		{filter{Level: slog.LevelInfo, Text: "acme"}, "one"},
		{filter{Level: slog.LevelInfo, Text: "IT BROKE"}, "three"},
		{filter{Level: slog.LevelInfo, Kind: kindGuest}, "audit two"},
		{filter{Level: slog.LevelInfo, Kind: kindAudit}, "audit"},
		{filter{Level: slog.LevelInfo, Kind: kindEdge}, "three one"},
	} {
		found, _, _ := ring.since(0, 100, c.f)
		var texts []string
		for _, e := range found {
			texts = append(texts, e.Text)
		}
		if got := strings.Join(texts, " "); got != c.want {
			t.Errorf("%+v: %s, want %s", c.f, got, c.want)
		}
	}
	three, _, _ := ring.since(0, 100, filter{Level: slog.LevelError})
	if got, want := fmt.Sprint(three[0].Attrs), "[{who ada} {g.error it broke} {g.h.k 7s}]"; got != want {
		t.Errorf("the attributes are %s, want %s", got, want)
	}
}

func TestTheTextOfARecordIsBoundedAndClean(t *testing.T) {
	ring := NewRing()
	log := ring.Logger(quiet())
	args := []any{"esc", "\x1b[31mred\u202e\u2066\x00\n"}
	for n := range 100 {
		args = append(args, fmt.Sprint("k", n), strings.Repeat("é", 1<<16))
	}
	log.Info(strings.Repeat("x", 1<<20), args...)
	found, _, _ := ring.since(0, 1, filter{Level: slog.LevelInfo})
	e := found[0]
	if len(e.Text) > maxText+8 || len(e.Attrs) != maxAttrs {
		t.Errorf("%d bytes, %d attributes", len(e.Text), len(e.Attrs))
	}
	for _, a := range e.Attrs {
		if len(a.Value) > maxText+8 || strings.ContainsAny(a.Value, "\x1b\u202e\u2066\x00\n") {
			t.Errorf("%q", a.Value)
		}
	}
}

func TestARecordOfABusyAccessLogMakesNoGarbage(t *testing.T) {
	ring := NewRing()
	handler := ring.Logger(slog.New(slog.DiscardHandler)).Handler().(*ringHandler)
	r := slog.NewRecord(time.Unix(0, 0), slog.LevelInfo, "access", 0)
	for n := range 12 {
		r.AddAttrs(slog.String(fmt.Sprint("k", n), "value"))
	}
	for range maxAccess {
		ring.add(handler, &r)
	}
	if n := testing.AllocsPerRun(1000, func() { ring.add(handler, &r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTheRingIsSafeForConcurrentUse(t *testing.T) {
	ring := NewRing()
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			log := ring.Logger(quiet()).With("n", n)
			for range 2000 {
				log.Info("access", "a", "b")
				log.Info("record", "a", []int{1})
			}
		})
	}
	for range 2 {
		all.Go(func() {
			last := uint64(0)
			for last < 4*4000 {
				found, now, changed := ring.since(last, 50, filter{Level: slog.LevelInfo})
				if now < last {
					t.Error("the numbers go back")
				}
				for i := 1; i < len(found); i++ {
					if found[i].Number >= found[i-1].Number {
						t.Error("the newest is not first")
					}
				}
				if last = now; last < 4*4000 {
					<-changed
				}
			}
		})
	}
	all.Wait()
}
