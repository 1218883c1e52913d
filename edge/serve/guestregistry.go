package serve

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/artifact"
)

// guestRegistry is the registry of a guest.path that is a reference. The guest is pulled
// at the start and, if that fails, again and again until that succeeds. It never
// changes, since the reference has its digest.
type guestRegistry struct {
	reference artifact.Reference
	options   artifact.Options
	retry     chan struct{} // holds a value after the guest could not be pulled

	mu      sync.Mutex
	fetched *fetched // nil: nothing was fetched since it was last read
}

// fetched is the result of a pull.
type fetched struct {
	guest artifact.Guest
	err   error
}

// newGuestRegistry returns nil for a guest that is not in a registry.
func newGuestRegistry(ctx context.Context, c config.Guest) (*guestRegistry, error) {
	if !artifact.IsReference(c.Path) {
		return nil, nil
	}
	reference, err := artifact.Parse(c.Path)
	if err != nil {
		return nil, &guestFileError{err}
	}
	g := &guestRegistry{reference: reference, options: registryOptions(c.Registry), retry: make(chan struct{}, 1)}
	if err := g.pinned(ctx); err != nil {
		return nil, &guestFileError{err}
	}
	return g, nil
}

func registryOptions(c config.Registry) artifact.Options {
	return artifact.Options{CAFile: c.CAFile, PlainHTTP: c.PlainHTTP}
}

const (
	// pullWait bounds a pull. A slow line of 10 Mbit/s carries the largest guest in it.
	pullWait = time.Minute
	// startPullWait bounds the pull of a start that can use the last good guest instead.
	// The guest is then pulled again in the background.
	startPullWait = 5 * time.Second
)

// resolveWait bounds the search for what a tag names, which is only for the error.
const resolveWait = 5 * time.Second

// pinned fails for a reference without a digest: what a tag names changes, edges that
// start at different times would disagree, and nobody would see a change.
func (g *guestRegistry) pinned(ctx context.Context) error {
	switch r := g.reference; {
	case r.Digest != "":
		return nil
	case r.Tag == "":
		return fmt.Errorf("expected a digest in the reference, found none; `tenantedge guest list %s` shows them", r)
	default:
		o := g.options
		o.Timeout = resolveWait
		digest, err := artifact.Resolve(ctx, r, o)
		if err != nil {
			return fmt.Errorf("expected a digest in the reference, found the tag %s, which cannot be looked up: %w", r.Tag, err)
		}
		return fmt.Errorf("expected a digest in the reference, found the tag %s, whose guest may change; write %s, which it names now", r.Tag, r.WithDigest(digest))
	}
}

// fetch pulls the guest, for at most a time, and keeps what it gets for content.
func (g *guestRegistry) fetch(ctx context.Context, longest time.Duration) {
	o := g.options
	o.Timeout = longest
	guest, err := artifact.Pull(ctx, g.reference, o)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fetched = &fetched{guest, err}
}

// content returns the guest and verifies its signature. A guest that is refused for its
// signature is returned too, for the audit log.
func (g *guestRegistry) content(ctx context.Context, v *signatures) (signedGuest, error) {
	g.mu.Lock()
	found := g.fetched
	g.fetched = nil
	g.mu.Unlock()
	if found == nil {
		found = &fetched{}
		found.guest, found.err = artifact.Pull(ctx, g.reference, g.options)
	}
	if found.err != nil {
		return signedGuest{}, found.err
	}
	guest, err := v.verify(found.guest.Wasm, found.guest.Signature)
	if err != nil {
		err = fmt.Errorf("the signature in %s: %w", g.reference, err)
	}
	return guest, err
}

// again makes follow pull the guest again.
func (g *guestRegistry) again() {
	select {
	case g.retry <- struct{}{}:
	default: // it does already
	}
}

// The wait between two attempts doubles from the first to the last.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = time.Minute
)

// follow pulls the guest again after it could not be pulled, and calls read, until ctx
// ends. One that was pulled and refused would be refused again.
func (g *guestRegistry) follow(ctx context.Context, read func()) {
	wait := firstRetry
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.retry:
		}
		// Edges that lost a registry together do not come back together.
		timer := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		g.fetch(ctx, pullWait)
		read()
		if len(g.retry) == 0 {
			wait = firstRetry
		} else {
			wait = min(2*wait, lastRetry)
		}
	}
}

// openRegistry prepares the registry of guest.path, if that is a reference, and pulls the
// guest unless that of before will run on. No lock is held meanwhile: it may take
// a minute. A start with a last good guest does not wait so long.
func (p *Parts) openRegistry(ctx context.Context, o Options, before *generation) (err error) {
	if o.Guest != nil {
		return nil
	}
	p.registry, err = newGuestRegistry(ctx, p.file.Guest)
	switch {
	case p.registry == nil:
	case before == nil && p.hasLastGood():
		p.registry.fetch(ctx, startPullWait)
	case before == nil || before.options.GuestFile != p.file.Guest.Path:
		p.registry.fetch(ctx, pullWait)
	}
	return err
}

// hasLastGood reports whether a start can use the last good guest.
func (p *Parts) hasLastGood() bool {
	saved := lastGoodGuest{path: lastGoodPath(p.file.Guest, p.Config.CompileCache)}
	_, err := saved.load()
	return err == nil
}
