package serve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
)

const (
	// trialLook is how often a node looks whether a trial has ended by a limit.
	trialLook = 50 * time.Millisecond
	// A rollout that cannot be carried out is tried again after a pause that grows.
	firstFleetRetry = 250 * time.Millisecond
	refusedRetry    = 10 * time.Second
	lastFleetRetry  = time.Minute
)

// carryOut carries out the newest rollout until ctx ends.
func (n *fleetNode) carryOut(ctx context.Context) {
	look := time.NewTicker(trialLook)
	defer look.Stop()
	var retry <-chan time.Time
	pause := firstFleetRetry
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			n.watchTrial(ctx)
			continue
		case <-n.news:
			pause = firstFleetRetry
		case <-retry:
		}
		retry = nil
		r, err := n.carryOutNewest(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errInterrupted) {
			continue // by news, which is pending
		}
		n.note(r, err)
		if err != nil {
			if errors.Is(err, edge.ErrGuestRefused) { // trying it costs a compilation
				pause = max(pause, refusedRetry)
			}
			retry = time.After(pause)
			pause = min(2*pause, lastFleetRetry)
		}
		n.settle()
	}
}

// errInterrupted is the error of a rollout that was replaced while its guest was fetched.
var errInterrupted = errors.New("another rollout came first")

// carryOutNewest carries out the newest rollout. A newer one interrupts it while it
// fetches a guest, for example from a registry that does not answer.
func (n *fleetNode) carryOutNewest(ctx context.Context) (*fleet.Rollout, error) {
	var interrupt context.CancelCauseFunc
	n.fetching, interrupt = context.WithCancelCause(ctx)
	defer interrupt(nil)
	n.mu.Lock()
	r := *n.newest
	n.interrupt = interrupt
	n.mu.Unlock()
	err := n.apply(ctx, &r)
	if err != nil && errors.Is(context.Cause(n.fetching), errInterrupted) {
		err = errInterrupted
	}
	return &r, err
}

// note records how carrying out a rollout went.
func (n *fleetNode) note(r *fleet.Rollout, err error) {
	n.mu.Lock()
	n.figures = n.fetched
	problem, known := "", n.problem
	if err == nil {
		n.done, n.failed, n.problem = r.ID, 0, ""
	} else {
		problem = err.Error()
		n.failed, n.problem = r.ID, problem
	}
	n.mu.Unlock()
	switch {
	case problem != "" && problem != known:
		n.server.log.Error("a rollout cannot be carried out; the current guest keeps running", "fleet", n.store.Fleet(), "rollout", r.ID, "error", err)
	case problem == "" && r.ID == 0:
		n.server.log.Info("the fleet has no rollout; the guest of the configuration runs", "fleet", n.store.Fleet())
	case problem == "":
		n.server.log.Info("the rollout is carried out", "fleet", n.store.Fleet(), "rollout", r.ID, "action", r.Action, "who", r.Who)
	}
	signal(n.reports)
}

// apply makes the edge run what a rollout asks for.
func (n *fleetNode) apply(ctx context.Context, r *fleet.Rollout) error {
	record := auditRecord{Action: auditFleet, Who: printable(fmt.Sprintf("rollout %d by %s", r.ID, r.Who)), Reason: printable(r.Why)}
	if r.ID == 0 && n.overrides() {
		// A database that has lost its rows must not change what runs.
		return errors.New("expected the rollouts of the fleet, found none, although this edge has seen some; the last guest keeps running: restore the table, or roll out a guest")
	}
	if r.Candidate.Digest == "" {
		n.finishTrial(record, r)
	}
	if err := n.applyCurrent(ctx, record, r); err != nil {
		return err
	}
	if r.Candidate.Digest == "" {
		return nil
	}
	return n.applyCandidate(ctx, record, r)
}

// finishTrial ends the trial, unless its guest is to run now.
func (n *fleetNode) finishTrial(record auditRecord, r *fleet.Rollout) {
	if n.trial.rollout == 0 || n.trial.digest == r.Current.Digest {
		return
	}
	reason := "the fleet: " + r.Action
	if r.Why != "" {
		reason += ": " + printable(r.Why)
	}
	n.server.changeGuest(func(g *generation) {
		if _, err := g.endTrial(record, reason); err != nil && !errors.Is(err, edge.ErrNoCandidate) {
			n.server.log.Error("cannot end the trial of a guest", "error", err)
		}
	})
	n.trial = runningTrial{}
}

// applyCurrent makes the edge run the current guest of a rollout.
func (n *fleetNode) applyCurrent(ctx context.Context, record auditRecord, r *fleet.Rollout) error {
	if r.Current.Digest == "" {
		return n.applyOwn(ctx, record)
	}
	n.setDecides(true)
	if n.server.now().host.GuestDigest() == r.Current.Digest {
		n.keep(r.Current)
		return nil
	}
	if n.trial.digest == r.Current.Digest && n.trial.ended == "" {
		if err := n.promote(ctx, record); !errors.Is(err, edge.ErrNoCandidate) {
			if err == nil {
				n.keep(r.Current)
			}
			return err
		}
	}
	guest, err := n.get(record, r.Current)
	if err != nil {
		return err
	}
	if err := n.swap(ctx, record, guest); err != nil {
		return err
	}
	n.save(guest)
	return nil
}

func (n *fleetNode) promote(ctx context.Context, record auditRecord) (err error) {
	n.server.changeGuest(func(g *generation) { _, err = g.promoteGuest(ctx, record) })
	if err == nil || errors.Is(err, edge.ErrNoCandidate) {
		n.trial = runningTrial{}
	}
	return err
}

// swap swaps in a guest, which ends a trial.
func (n *fleetNode) swap(ctx context.Context, record auditRecord, guest signedGuest) (err error) {
	began := time.Now()
	n.server.changeGuest(func(g *generation) { _, err = g.swapGuest(ctx, record, guest) })
	if err == nil {
		n.trial = runningTrial{}
		n.fetched.LoadSeconds = time.Since(began).Seconds()
	}
	return err
}

// keep saves the guest that runs already, unless it is saved.
func (n *fleetNode) keep(of fleet.Ref) {
	var guest signedGuest
	n.server.changeGuest(func(g *generation) { guest = g.kept.current })
	if n.lastGood.path != "" && fleet.CheckDigest(guest.wasm, of.Digest) == nil {
		n.save(guest)
	}
}

func (n *fleetNode) save(guest signedGuest) {
	if err := n.lastGood.save(guest); err != nil {
		n.server.log.Warn("cannot save the guest of the fleet for the next start", "file", n.lastGood.path, "error", err)
	}
}

func (n *fleetNode) setDecides(decides bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.decides = decides
}

// applyOwn makes the edge run the guest of its own configuration.
func (n *fleetNode) applyOwn(ctx context.Context, record auditRecord) error {
	overrode := n.overrides()
	n.setDecides(false)
	if n.lastGood.path != "" {
		if err := n.lastGood.remove(); err != nil {
			return fmt.Errorf("the last guest of the fleet cannot be removed: %w", err)
		}
	}
	if !overrode {
		return nil // it runs
	}
	if own := n.server.ownGuest(); own != nil {
		return n.swap(ctx, record, signedGuest{own: true, wasm: own})
	}
	var err error
	n.server.changeGuest(func(g *generation) {
		var report edge.Report
		var guest signedGuest
		report, guest, err = g.guestFile.read(ctx)
		g.auditSwap(record, guest, report, err)
		err = g.logSwap(report, err, "the guest of guest.path runs again", "the guest of guest.path was refused; the current guest keeps running")
	})
	n.trial = runningTrial{}
	return err
}

// ownGuest returns the guest that runs without a fleet; nil: that of guest.path.
func (s *Server) ownGuest() []byte {
	switch {
	case s.with.Guest != nil:
		return s.with.Guest
	case s.now().guestFile != nil:
		return nil
	}
	return assets.Router
}

// applyCandidate tries the candidate of a rollout.
func (n *fleetNode) applyCandidate(ctx context.Context, record auditRecord, r *fleet.Rollout) error {
	same := n.trial.digest == r.Candidate.Digest && n.trial.how == string(r.Trial)
	switch {
	case n.trial.ended != "" && n.trial.rollout == r.ID:
		return nil // a limit has ended it, which the fleet will learn
	case same && n.trial.ended == "" && n.server.now().triesGuest():
		n.trial.rollout = r.ID
		return nil
	}
	how, err := fleet.DecodeTrial(r.Trial)
	if err != nil {
		return err
	}
	guest, err := n.get(record, r.Candidate)
	if err != nil {
		return err
	}
	began := time.Now()
	n.server.changeGuest(func(g *generation) { _, err = g.tryGuest(ctx, record, guest, how.Candidate(nil)) })
	if err != nil {
		return err
	}
	n.fetched.LoadSeconds = time.Since(began).Seconds()
	n.trial = runningTrial{rollout: r.ID, digest: r.Candidate.Digest, how: string(r.Trial)}
	return nil
}

// watchTrial ends the trial of the whole fleet if this node's has ended by a limit.
func (n *fleetNode) watchTrial(ctx context.Context) {
	if n.trial.rollout == 0 || n.trial.told {
		return
	}
	if n.trial.ended == "" {
		c := n.server.now().host.Stats().Candidate
		if c == nil || c.Guest.Digest != n.trial.digest || c.Ended == "" {
			return
		}
		n.trial.ended = c.Ended
		signal(n.reports)
	}
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	done, err := n.store.EndTrial(limited, n.trial.rollout, n.name, n.trial.ended)
	if err != nil {
		return // it is tried again; the trial has ended here
	}
	n.trial.told = true
	if done {
		n.server.log.Warn("the trial is ended for the fleet, because it exceeds a limit here", "fleet", n.store.Fleet(), "rollout", n.trial.rollout, "reason", n.trial.ended)
	}
}

// get returns a guest, with its digest and its signature verified. A guest that is
// refused is recorded.
func (n *fleetNode) get(record auditRecord, of fleet.Ref) (guest signedGuest, err error) {
	began := time.Now()
	var wasm, signature []byte
	if artifact.IsReference(of.Source) {
		wasm, signature, err = n.pull(n.fetching, of)
	} else {
		wasm, signature, err = n.store.Fetch(n.fetching, of.Digest)
	}
	if err != nil {
		return guest, err
	}
	n.fetched.FetchSeconds = time.Since(began).Seconds()
	g := n.server.now()
	if guest, err = g.signatures.verify(wasm, signature); err != nil && n.refusal != record.Who+err.Error() {
		n.refusal = record.Who + err.Error() // it is tried again, which is recorded once
		g.auditSwap(record, signedGuest{wasm: wasm}, edge.Report{}, err)
	}
	return guest, err
}
