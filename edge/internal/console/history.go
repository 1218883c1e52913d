package console

import (
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/stats"
)

// history keeps the figures of the last two minutes, for all who watch.
type history struct {
	mu      sync.Mutex
	samples []sample
	state   State         // the last one
	changed chan struct{} // closed at the next sample
}

// sample is what happened between two times.
type sample struct {
	at    time.Time
	rates map[stats.Result]float64 // requests a second
	total map[stats.Result]uint64
}

const (
	sampleEvery = 2 * time.Second
	maxSamples  = 60
)

// results are the outcomes of requests in the order in which they are shown, those that
// work as they should first.
var results = []stats.Result{
	stats.ResultTenant, stats.ResultNone, stats.ResultRedirect, stats.ResultNotFound, stats.ResultBad, stats.ResultConflict, stats.ResultTooLarge,
	stats.ResultSession, stats.ResultCancelled, stats.ResultBusy, stats.ResultGuest, stats.ResultError,
}

// add keeps the state at a time.
func (h *history) add(s State, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := sample{at: at, rates: map[stats.Result]float64{}, total: s.Host.Requests}
	if n := len(h.samples); n > 0 {
		last := &h.samples[n-1]
		for result, total := range now.total {
			// Another configuration begins at zero again.
			if before, took := last.total[result], at.Sub(last.at).Seconds(); total >= before && took > 0 {
				now.rates[result] = float64(total-before) / took
			}
		}
	}
	if len(h.samples) == maxSamples {
		copy(h.samples, h.samples[1:])
		h.samples = h.samples[:maxSamples-1]
	}
	h.samples, h.state = append(h.samples, now), s
	close(h.changed)
	h.changed = make(chan struct{})
}

// now returns the samples, the last state, and a channel that is closed at the next.
func (h *history) now() ([]sample, State, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]sample(nil), h.samples...), h.state, h.changed
}

// sample samples the edge until the console is closed. It also ends sessions whose time
// is over, so that their streams end.
func (c *Console) sample() {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.context.Done():
			return
		case at := <-tick.C:
			c.history.add(c.options.Edge().State(), at)
			c.sessions.expire(func(token [32]byte) bool {
				_, ok := c.options.Gate.Token(token)
				return ok
			})
		}
	}
}
