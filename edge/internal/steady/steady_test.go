package steady

import (
	"testing"
	"testing/synctest"
	"time"
)

const day = 24 * time.Hour

func TestTheClockDoesNotFollowTheSystemsClock_G11(t *testing.T) {
	start := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name                     string
		moved                    time.Duration
		wantEarliest, wantLatest time.Duration // after start, an hour later
	}{
		{"unchanged", 0, time.Hour, time.Hour},
		{"set forward", day, time.Hour, day + time.Hour},
		{"set back", -day, time.Hour - day, time.Hour},
	} {
		clock := Fake(start, func() time.Time { return start.Add(time.Hour + c.moved) }, func() time.Duration { return time.Hour })
		if now := clock.Now().Sub(start); now != time.Hour {
			t.Errorf("%s: Now is %v after start", c.name, now)
		}
		if got := clock.Earliest().Sub(start); got != c.wantEarliest {
			t.Errorf("%s: Earliest is %v after start, expected %v", c.name, got, c.wantEarliest)
		}
		if got := clock.Latest().Sub(start); got != c.wantLatest {
			t.Errorf("%s: Latest is %v after start, expected %v", c.name, got, c.wantLatest)
		}
	}
}

func TestTheClockAdvancesWithTheSystemsClock_G11(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock, start := New(), time.Now()
		time.Sleep(day)
		for _, got := range []time.Time{clock.Now(), clock.Earliest(), clock.Latest()} {
			if !got.Equal(start.Add(day)) {
				t.Errorf("got %v, expected %v", got, start.Add(day))
			}
		}
	})
}
