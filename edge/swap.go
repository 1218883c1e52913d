package edge

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantedge/tenantedge/edge/stats"
)

// Report describes the guest that runs after Swap or Rollback.
type Report struct {
	Unchanged bool         `json:"unchanged"` // Swap: it ran already
	Reused    bool         `json:"reused"`    // it was the previous guest, which is kept compiled
	Guest     stats.Guest  `json:"guest"`
	Previous  stats.Guest  `json:"previous"` // Rollback would return to it; zero: there is none
	Engine    stats.Engine `json:"engine"`
	Missing   []string     `json:"missing"` // see stats.Host
}

// Swap replaces the guest without failing a request. The new guest is tried
// (Config.SmokeRun), validated, compiled, configured and runs its self-test
// before it gets the first request. After an error, which is ErrGuestRefused or
// ErrClosed, the old guest goes on.
//
// The old guest is kept for Rollback, so that a Swap back to it is immediate; the
// one before it is closed in the background when its last call has ended.
// Swapping in the guest that runs is no error: Report.Unchanged.
func (h *Host) Swap(ctx context.Context, wasm []byte) (Report, error) {
	r, err := h.guests.Swap(ctx, wasm)
	return Report(r), public(err)
}

// Rollback returns to the guest before the last Swap. A second Rollback undoes the
// first. The error is ErrNoPrevious, ErrClosed or that of starting instances.
func (h *Host) Rollback(ctx context.Context) (Report, error) {
	r, err := h.guests.Rollback(ctx)
	return Report(r), public(err)
}

// GuestDigest returns the digest of the guest that runs. Unlike Stats it is cheap
// enough to call at each request.
func (h *Host) GuestDigest() string { return h.guests.Current().Digest() }

// Stats describes the guest that runs, and returns the figures of all guests and of
// the requests that Middleware has seen.
func (h *Host) Stats() stats.Host {
	s := h.guests.Stats()
	s.Requests, s.SessionsIgnored = h.results.counts(), h.ignored.Load()
	if h.record != nil {
		r := stats.Record(h.record.Stats())
		s.Record = &r
	}
	return s
}

// Close closes the websockets that are open, the guests and their files. It waits
// for running calls up to 30 s; after that it returns an error with their number,
// and their memory is freed when they end. Closing twice is no error.
func (h *Host) Close() error {
	if h == nil {
		return nil
	}
	var err error
	if h.websockets != nil {
		err = h.websockets.Close() // first, since guests handle the ends of their websockets
	}
	if closing := h.guests.Close(); closing != nil {
		err = errors.Join(err, fmt.Errorf("edge: %w", closing))
	}
	err = errors.Join(err, h.closeRecord())
	if h.closeFiles != nil { // after the calls that use them
		err = errors.Join(err, h.closeFiles())
	}
	return err
}
