package outage

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errDown = errors.New("down")

// server is a probe's server.
type server struct {
	down   atomic.Bool
	probes atomic.Int64
}

func (s *server) probe(context.Context) error {
	s.probes.Add(1)
	if s.down.Load() {
		return errDown
	}
	return nil
}

// bubble runs a test in fake time, and returns the log.
func bubble(t *testing.T, test func(t *testing.T, s *server, o *Outage)) (log string) {
	var b bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		o := New("the server", s.probe, time.Second, slog.New(slog.NewTextHandler(&b, nil)))
		defer o.Close()
		test(t, s, o)
	})
	return b.String()
}

func expect(t *testing.T, o *Outage, want error) {
	t.Helper()
	synctest.Wait()
	if got := o.Cause(); got != want {
		t.Errorf("found the outage %v, expected %v", got, want)
	}
}

func TestAFailureBeginsAnOutageThatAProbeEnds(t *testing.T) {
	log := bubble(t, func(t *testing.T, s *server, o *Outage) {
		s.down.Store(true)
		o.Note(time.Now(), errDown)
		expect(t, o, errDown)
		time.Sleep(10*time.Second + time.Millisecond)
		expect(t, o, errDown)
		if n := s.probes.Load(); n != 10 {
			t.Errorf("%d probes in ten seconds", n)
		}
		s.down.Store(false)
		time.Sleep(time.Second)
		expect(t, o, nil)
	})
	if strings.Count(log, "the server is unavailable") != 1 || strings.Count(log, "the server answers again") != 1 {
		t.Errorf("logged %s", log)
	}
}

func TestAFailureAfterALaterSuccessIsNoOutage(t *testing.T) {
	bubble(t, func(t *testing.T, _ *server, o *Outage) {
		sent := time.Now()
		time.Sleep(time.Millisecond)
		o.Note(time.Now(), nil)
		o.Note(sent, errDown)
		expect(t, o, nil)
	})
}

func TestASuspicionIsNoOutageIfTheServerAnswers(t *testing.T) {
	bubble(t, func(t *testing.T, s *server, o *Outage) {
		for range 100 { // in ten seconds
			o.Suspect()
			expect(t, o, nil)
			time.Sleep(100 * time.Millisecond)
		}
		if n := s.probes.Load(); n != 10 {
			t.Errorf("%d probes, expected one a second", n)
		}
		s.down.Store(true)
		time.Sleep(time.Second)
		o.Suspect()
		expect(t, o, errDown)
		s.down.Store(false)
		time.Sleep(time.Second)
		expect(t, o, nil)
	})
}

func TestCloseEndsProbes(t *testing.T) {
	bubble(t, func(t *testing.T, s *server, o *Outage) {
		s.down.Store(true)
		o.Suspect()
		expect(t, o, errDown)
		o.Close()
		before := s.probes.Load()
		o.Suspect()
		o.Note(time.Now(), errDown)
		time.Sleep(time.Minute)
		if after := s.probes.Load(); after != before {
			t.Errorf("%d probes after Close", after-before)
		}
	})
}

func TestAnOutageIsSafeForConcurrentUse(t *testing.T) {
	s := &server{}
	o := New("the server", s.probe, time.Microsecond, slog.New(slog.DiscardHandler))
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 1000 {
				switch (n + i) % 4 {
				case 0:
					s.down.Store(i%100 < 50)
				case 1:
					o.Suspect()
				case 2:
					o.Note(time.Now(), s.probe(t.Context()))
				default:
					_ = o.Cause()
				}
			}
		})
	}
	all.Wait()
	o.Close()
}
