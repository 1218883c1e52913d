package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

// fleetClient carries out commands for a fleet.
type fleetClient struct {
	store    *fleet.Store
	file     *config.File // that names the fleet; nil: a flag does
	registry artifact.Options
	expect   int64 // number of the newest rollout; -1: any
	who      string
	why      string
}

func (f *fleetClient) close() { _ = f.store.Close() } // nothing is pending

// push adds a guest to the table.
func (f *fleetClient) push(ctx context.Context, g *artifact.Guest, name, version string) (digest string, added bool, err error) {
	added, err = f.store.Push(ctx, g.Wasm, g.Signature, fleet.Guest{Name: name, Version: version, PushedBy: f.who})
	return instance.Digest(g.Wasm), added, err
}

// find returns the guest that an argument names. A file is pushed. A reference that the
// edges would refuse is refused before anything is asked of its registry.
func (f *fleetClient) find(ctx context.Context, named, signed string) (fleet.Ref, error) {
	if isDigest(named) {
		g, err := f.store.Find(ctx, named)
		return fleet.Ref{Digest: g.Digest}, err
	}
	if f.file != nil && artifact.IsReference(named) {
		if err := f.file.CheckGuestReference(named); err != nil {
			return fleet.Ref{}, err
		}
	}
	g, err := readNamed(ctx, named, signed, f.registry)
	if err != nil {
		return fleet.Ref{}, err
	}
	if ref, err := artifact.Parse(named); err == nil {
		return fleet.Ref{Digest: instance.Digest(g.Wasm), Source: ref.WithDigest(g.Digest).String()}, nil
	}
	digest, _, err := f.push(ctx, &g, guestName(named), "")
	return fleet.Ref{Digest: digest}, err
}

// rollout makes the fleet run a guest, or try it if there are parameters of a trial.
func (f *fleetClient) rollout(ctx context.Context, out io.Writer, named, signed string, query url.Values, wait *waitOptions) error {
	var trial json.RawMessage
	if len(query) > 0 {
		t, err := fleet.ParseTrial(query)
		if err == nil {
			err = t.Check()
		}
		if err == nil {
			trial, err = json.Marshal(t)
		}
		if err != nil {
			return err
		}
	}
	if err := wait.check(); err != nil {
		return err
	}
	ref, err := f.find(ctx, named, signed)
	if err != nil {
		return err
	}
	return f.change(ctx, out, wait, func(newest fleet.Rollout) (fleet.Rollout, error) {
		if trial == nil {
			return fleet.Rollout{Action: fleet.ActionRollout, Current: ref}, nil
		}
		if ref.Digest == newest.Current.Digest {
			return fleet.Rollout{}, fmt.Errorf("expected another guest than the one that runs, found the same, %.12s", ref.Digest)
		}
		return fleet.Rollout{Action: fleet.ActionTrial, Current: newest.Current, Candidate: ref, Trial: trial}, nil
	})
}

var errNoTrial = errors.New("expected a trial, found none; guest rollout begins one with --shadow, --canary, --tenant or --header")

func (f *fleetClient) promote(ctx context.Context, out io.Writer, wait *waitOptions) error {
	return f.change(ctx, out, wait, func(newest fleet.Rollout) (fleet.Rollout, error) {
		if newest.Candidate.Digest == "" {
			return fleet.Rollout{}, errNoTrial
		}
		return fleet.Rollout{Action: fleet.ActionPromote, Current: newest.Candidate}, nil
	})
}

func (f *fleetClient) abort(ctx context.Context, out io.Writer, wait *waitOptions) error {
	return f.change(ctx, out, wait, func(newest fleet.Rollout) (fleet.Rollout, error) {
		if newest.Candidate.Digest == "" {
			return fleet.Rollout{}, errNoTrial
		}
		return fleet.Rollout{Action: fleet.ActionAbort, Current: newest.Current}, nil
	})
}

func (f *fleetClient) rollback(ctx context.Context, out io.Writer, wait *waitOptions) error {
	return f.change(ctx, out, wait, func(newest fleet.Rollout) (fleet.Rollout, error) {
		before, ok, err := f.store.Before(ctx, newest)
		if err == nil && !ok {
			err = errors.New("expected a guest before the one that runs, found none: the fleet has had no other")
		}
		return fleet.Rollout{Action: fleet.ActionRollback, Current: before}, err
	})
}

// change appends the rollout that next makes from the newest one, and waits for it.
func (f *fleetClient) change(ctx context.Context, out io.Writer, wait *waitOptions, next func(newest fleet.Rollout) (fleet.Rollout, error)) error {
	if strings.ContainsFunc(f.why, unicode.IsControl) {
		return usagef("--reason: expected one line without control characters, found others")
	}
	if err := wait.check(); err != nil {
		return err
	}
	newest, err := f.store.Newest(ctx)
	if err != nil {
		return err
	}
	if f.expect >= 0 && newest.ID != f.expect {
		return fmt.Errorf("--expect: expected rollout %d to be the newest one, found %s; nothing was changed: look at guest status", f.expect, newest.Describe())
	}
	r, err := next(newest)
	if err != nil {
		return err
	}
	r.ID, r.Who, r.Why = newest.ID+1, f.who, f.why
	if err := f.store.Append(ctx, r); err != nil {
		return err
	}
	how := ""
	if r.Candidate.Digest != "" {
		how = " beside " + describeRef(r.Candidate)
	}
	fmt.Fprintf(terminal{out}, "fleet %s, rollout %d: %s, the fleet shall run %s%s\n", f.store.Fleet(), r.ID, r.Action, describeRef(r.Current), how)
	return wait.run(ctx, out, f.store, r.ID)
}

// describeRef describes a guest of a rollout in a few words.
func describeRef(r fleet.Ref) string {
	switch {
	case r.Digest == "":
		return "the guest of each edge's configuration"
	case r.Source != "":
		return fmt.Sprintf("%.12s (%s)", r.Digest, r.Source)
	}
	return fmt.Sprintf("%.12s", r.Digest)
}
