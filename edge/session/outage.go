package session

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// errUnavailable is wrapped by the errors of requests that did not query the store
// because of an outage.
var errUnavailable = errors.New("the database is unavailable")

// probeKey is too short for a session key.
const probeKey = "probe"

// outage tracks whether the store is available. An outage begins when a query
// fails and no other has succeeded since it was sent. Then requests do not query
// the store, and a goroutine probes it until it answers.
type outage struct {
	probe  func(context.Context) error
	pause  time.Duration // between two probes
	logger *slog.Logger
	base   context.Context // of the probes
	stop   context.CancelFunc
	ended  sync.WaitGroup

	mu       sync.Mutex
	answered time.Time // when a query last succeeded
	err      error     // of the query that began the outage; nil: there is none
	began    time.Time // of the outage
}

func newOutage(probe func(context.Context) error, pause time.Duration, logger *slog.Logger) *outage {
	o := &outage{probe: probe, pause: pause, logger: logger}
	o.base, o.stop = context.WithCancel(context.Background())
	return o
}

// cause returns the error that began the present outage, or nil.
func (o *outage) cause() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// note records the result of a query that was sent at that time.
func (o *outage) note(sent time.Time, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch now := time.Now(); {
	case err == nil:
		o.answered = now
		if o.err != nil {
			o.err = nil
			o.logger.Info("the database of the sessions answers again", "after", now.Sub(o.began).Round(time.Millisecond).String())
		}
	case o.err == nil && o.answered.Before(sent) && o.base.Err() == nil:
		o.err, o.began = err, now
		o.logger.Warn("the database of the sessions is unavailable: requests do not wait for it until it answers again", "error", err)
		o.ended.Go(o.probes)
	}
}

// probes probes the store until the outage ends.
func (o *outage) probes() {
	next := time.NewTimer(o.pause)
	defer next.Stop()
	for o.cause() != nil {
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

// close stops the probes.
func (o *outage) close() {
	o.mu.Lock() // so that note starts no probes after stop
	o.stop()
	o.mu.Unlock()
	o.ended.Wait()
}
