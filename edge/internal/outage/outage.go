// Package outage keeps requests from waiting for a server that does not answer.
//
//	o := outage.New("the database of the sessions", probe, pause, logger)
//	if err := o.Cause(); err != nil {
//		return err // without a query
//	}
//	sent := time.Now()
//	err := query(ctx)
//	o.Note(sent, err)
//
// An outage begins when a query fails and no other has succeeded since it was sent. Then
// requests do not query the server, and a goroutine probes it until it answers. Callers
// whose queries may fail for other reasons, such as a slow statement, call Suspect
// instead of Note after a failure: then only a probe can begin an outage.
package outage

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Outage tracks whether a server is available. It is safe for concurrent use.
type Outage struct {
	what   string // the server, for the log
	probe  func(context.Context) error
	pause  time.Duration // between two probes
	logger *slog.Logger
	base   context.Context // of the probes
	stop   context.CancelFunc
	ended  sync.WaitGroup

	mu        sync.Mutex
	answered  time.Time // when a query last succeeded
	err       error     // of the query that began the outage; nil: there is none
	began     time.Time // of the outage
	suspected bool      // Suspect probes, or has done so a moment ago
}

// New returns an Outage of a server that is available. probe must end soon, also when
// the server does not answer, and pause is the time between two probes.
func New(what string, probe func(context.Context) error, pause time.Duration, logger *slog.Logger) *Outage {
	o := &Outage{what: what, probe: probe, pause: pause, logger: logger}
	o.base, o.stop = context.WithCancel(context.Background())
	return o
}

// Cause returns the error that began the present outage, or nil.
func (o *Outage) Cause() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Note records the result of a query that was sent at that time.
func (o *Outage) Note(sent time.Time, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch now := time.Now(); {
	case err == nil:
		o.answered = now
		if o.err != nil {
			o.err = nil
			o.logger.Info(o.what+" answers again", "after", now.Sub(o.began).Round(time.Millisecond).String())
		}
	case o.err == nil && o.answered.Before(sent) && o.base.Err() == nil:
		o.err, o.began = err, now
		o.logger.Warn(o.what+" is unavailable: requests do not wait for it until it answers again", "error", err)
		o.ended.Go(o.probes)
	}
}

// Suspect probes the server in the background and notes the result, at most once in
// a pause.
func (o *Outage) Suspect() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.suspected || o.err != nil || o.base.Err() != nil {
		return
	}
	o.suspected = true
	o.ended.Go(func() {
		o.probeOnce()
		o.wait()
		o.mu.Lock()
		defer o.mu.Unlock()
		o.suspected = false
	})
}

func (o *Outage) probeOnce() {
	sent := time.Now()
	o.Note(sent, o.probe(o.base))
}

// probes probes the server until the outage ends.
func (o *Outage) probes() {
	for o.Cause() != nil && o.wait() {
		o.probeOnce()
	}
}

// wait waits for the pause. It returns false if Close came first.
func (o *Outage) wait() bool {
	timer := time.NewTimer(o.pause)
	defer timer.Stop()
	select {
	case <-o.base.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Close stops the probes.
func (o *Outage) Close() {
	o.mu.Lock() // so that Note and Suspect start no probes after stop
	o.stop()
	o.mu.Unlock()
	o.ended.Wait()
}
