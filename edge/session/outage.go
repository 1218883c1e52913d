package session

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// errAway is in the chain of errors of requests that did not ask the store,
// because it is known not to answer.
var errAway = errors.New("the database is away")

// probeKey is no session's: it is too short for one.
const probeKey = "probe"

// outage knows whether the store answers. The store counts as away once a query
// has failed while no other succeeded. Then a goroutine probes it until it
// answers, and requests do not wait for it.
type outage struct {
	probe  func(context.Context) error
	pause  time.Duration // between probes
	logger *slog.Logger
	base   context.Context // of the probes
	stop   context.CancelFunc
	ended  sync.WaitGroup

	mu       sync.Mutex
	answered time.Time // when a query succeeded last
	cause    error     // why it is away; nil: it is not
	began    time.Time
}

func newOutage(probe func(context.Context) error, pause time.Duration, logger *slog.Logger) *outage {
	o := &outage{probe: probe, pause: pause, logger: logger}
	o.base, o.stop = context.WithCancel(context.Background())
	return o
}

// away returns why the store is not to be asked, or nil.
func (o *outage) away() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cause
}

// note records how a query ended that was sent at that time.
func (o *outage) note(sent time.Time, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch now := time.Now(); {
	case err == nil:
		o.answered = now
		if o.cause != nil {
			o.cause = nil
			o.logger.Info("the database of the sessions answers again", "after", now.Sub(o.began).Round(time.Millisecond).String())
		}
	case o.cause == nil && o.answered.Before(sent) && o.base.Err() == nil:
		o.cause, o.began = err, now
		o.logger.Warn("the database of the sessions is away: requests do not wait for it until it answers", "error", err)
		o.ended.Go(o.probes)
	}
}

// probes asks until the store answers.
func (o *outage) probes() {
	next := time.NewTimer(o.pause)
	defer next.Stop()
	for o.away() != nil {
		select {
		case <-o.base.Done():
			return
		case <-next.C:
		}
		sent := time.Now()
		o.note(sent, o.probe(o.base))
		next.Reset(o.pause)
	}
}

// close ends the probes.
func (o *outage) close() {
	o.mu.Lock() // no probes begin after this
	o.stop()
	o.mu.Unlock()
	o.ended.Wait()
}
