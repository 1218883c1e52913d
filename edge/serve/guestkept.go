package serve

import (
	"context"
	"fmt"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge"
)

// keptGuests are the guests of a generation with their Wasm, so that the next one can
// run them.
type keptGuests struct {
	current  signedGuest
	previous *signedGuest // nil: there is none
	trial    *trial       // the last one; it may have ended
}

// trial is a candidate that is tried beside the current guest.
type trial struct {
	guest     signedGuest
	candidate edge.Candidate
}

// ran notes that guest runs now, after a swap with the result r.
func (k *keptGuests) ran(guest signedGuest, r edge.Report) {
	if r.Unchanged {
		k.current = guest // its signature may be another one
		return
	}
	before := k.current
	k.previous, k.current, k.trial = &before, guest, nil
}

// swapIn verifies a guest and swaps it in.
func (s *generation) swapIn(ctx context.Context, guest signedGuest) (edge.Report, error) {
	if err := s.verifyAgain(guest); err != nil {
		return edge.Report{}, err
	}
	r, err := s.host.Swap(ctx, guest.wasm)
	if err == nil {
		s.kept.ran(guest, r)
	}
	return r, err
}

// verifyAgain verifies a guest that may have been verified with other keys.
func (s *generation) verifyAgain(guest signedGuest) error {
	if guest.own || guest.by == s.signatures {
		return nil
	}
	_, err := s.signatures.verify(guest.wasm, guest.signature)
	return err
}

// rollBack returns to the previous guest, which must be signed by a key that is
// trusted now.
func (s *generation) rollBack(ctx context.Context) (edge.Report, signedGuest, error) {
	if s.kept.previous == nil {
		return edge.Report{}, signedGuest{}, edge.ErrNoPrevious
	}
	guest := *s.kept.previous
	if err := s.verifyAgain(guest); err != nil {
		return edge.Report{}, guest, fmt.Errorf("the previous guest: %w", err)
	}
	r, err := s.host.Rollback(ctx)
	if err == nil {
		s.kept.ran(guest, r)
	}
	return r, guest, err
}

// startTrial starts the trial of a guest.
func (s *generation) startTrial(ctx context.Context, guest signedGuest, c edge.Candidate) error {
	if err := s.verifyAgain(guest); err != nil {
		return err
	}
	c.Guest = guest.wasm
	if err := s.host.StartCandidate(ctx, c); err != nil {
		return err
	}
	s.kept.trial = &trial{guest, c}
	return nil
}

// promote makes the candidate the current guest.
func (s *generation) promote(ctx context.Context) (edge.Report, signedGuest, error) {
	if s.kept.trial == nil {
		return edge.Report{}, signedGuest{}, edge.ErrNoCandidate
	}
	guest := s.kept.trial.guest
	r, err := s.host.Promote(ctx)
	if err == nil {
		s.kept.ran(guest, r)
	}
	return r, guest, err
}

// takeOver makes the Host of a generation that replaces before. It keeps the guest that
// runs, also one that an operator has swapped in, its previous one and its candidate,
// unless guest.path or the file there has changed.
func (s *generation) takeOver(ctx context.Context, c edge.Config, before *generation) (host *edge.Host, err error) {
	old := &before.kept
	guest, keeps := old.current, s.keepsGuest(before)
	if s.options.GuestFile != "" {
		s.guestFile = s.newGuestFile()
		s.guestFile.follows(before.guestFile)
	}
	if keeps {
		if err = s.verifyAgain(guest); err != nil {
			err = fmt.Errorf("expected the running guest to be signed by a trusted key: %w; swap in a guest that is, then reload", err)
			keeps, err = false, s.parts.file.At(err, "guest", "trusted_keys")
		}
	}
	if !keeps {
		if guest, err = s.otherGuest(ctx, c.Guest, err); err != nil {
			return nil, err
		}
	}
	c.Guest = guest.wasm
	s.kept = keptGuests{current: guest, previous: &old.current}
	if keeps {
		s.kept.previous = old.previous
	}
	if p := s.kept.previous; p != nil && s.verifyAgain(*p) == nil {
		if c.Previous = p.wasm; p.wasm == nil {
			c.Previous = assets.Router
		}
	}
	if host, err = edge.New(ctx, c); err != nil {
		return nil, err
	}
	if !keeps && s.guestFile != nil {
		s.guestFile.accept(guest)
	}
	if keeps && old.trial != nil && before.triesGuest() {
		s.host = host
		if err := s.startTrial(ctx, old.trial.guest, old.trial.candidate); err != nil {
			s.log.Warn("the trial of a guest ends with the reload: the candidate was refused", "error", err)
		}
	}
	return host, nil
}

// keepsGuest reports whether the guest that runs in before runs on, as that of a fleet
// does.
func (s *generation) keepsGuest(before *generation) bool {
	o, b := &s.options, &before.options
	return s.fleet.overrides() || o.GuestFile == b.GuestFile && o.Signature == b.Signature && (before.guestFile == nil || o.Registry != nil || !before.guestFile.stale())
}

// otherGuest returns the guest that the configuration names. own is the program's.
// refused is why the guest that runs must not; nil: it may.
func (s *generation) otherGuest(ctx context.Context, own []byte, refused error) (signedGuest, error) {
	if s.guestFile == nil {
		return signedGuest{own: true, wasm: own}, refused
	}
	guest, err := s.guestFile.content(ctx)
	if err != nil {
		return guest, &guestFileError{err}
	}
	return guest, nil
}

// triesGuest reports whether a candidate is tried.
func (s *generation) triesGuest() bool {
	c := s.host.Stats().Candidate
	return c != nil && c.Ended == ""
}

// follows takes over what before knows about the file.
func (g *guestFile) follows(before *guestFile) {
	if before == nil || before.path != g.path || before.signature != g.signature {
		return
	}
	before.mu.Lock()
	defer before.mu.Unlock()
	g.seen, g.seenSignature, g.unverified, g.refused = before.seen, before.seenSignature, before.unverified, before.refused
	if g.registry != nil && g.refused != "" {
		g.registry.again()
	}
}
