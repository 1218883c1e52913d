package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// ErrGuestRefused is in the chain of the errors by which New and Swap refuse a
// guest.
var ErrGuestRefused = errors.New("edge: the guest is refused")

// refusal is ErrGuestRefused for a reason.
type refusal struct{ error }

func (r refusal) Unwrap() error        { return r.error }
func (r refusal) Is(target error) bool { return target == ErrGuestRefused }

// ErrNoPrevious is what Rollback returns where nothing was swapped yet.
var ErrNoPrevious = errors.New("edge: there is no previous guest")

// drainBound is how long calls of a superseded guest may still run before a
// line of the log says so, and how long Close waits for them. Calls end by
// their deadline; only what a host function waits for can outlast it.
const drainBound = 30 * time.Second

// generation is a program with what the host knows of it.
type generation struct {
	program *instance.Program
	headers []string // canonical names of the headers that the guest asked for

	superseded bool // it is being closed; guarded by Host.ledger
}

// generate makes a program of a guest, with its first instances.
func (h *Host) generate(ctx context.Context, wasm []byte) (*generation, error) {
	g := &generation{}
	p, err := instance.NewProgram(ctx, instance.Options{
		Wasm:         wasm,
		Config:       h.guestConfig,
		Bind:         func() hostfuncs.Services { return newServices(h, g) },
		Limits:       instance.Limits(h.config.Limits),
		NoReset:      h.config.UnsafeNoReset,
		CompileCache: h.config.CompileCache,
		Logger:       h.config.Logger,
	})
	if err != nil {
		return nil, refusal{fmt.Errorf("edge: %w", err)}
	}
	g.program = p
	for _, name := range p.Configured().Headers {
		g.headers = append(g.headers, http.CanonicalHeaderKey(name))
	}
	h.ledger.Lock()
	h.live = append(h.live, g)
	h.ledger.Unlock()
	return g, nil
}

// try has another process run a guest first, so that one by which the compiler
// fails ends that.
func (h *Host) try(ctx context.Context, wasm []byte) error {
	if err := instance.CheckSize(wasm); err != nil {
		return refusal{fmt.Errorf("edge: %w", err)}
	}
	if h.config.SmokeRun == nil {
		return nil
	}
	t, err := h.trial(wasm)
	if err == nil {
		err = h.config.SmokeRun(ctx, t)
	}
	if err != nil {
		return refusal{fmt.Errorf("edge: smoke run: %w", err)}
	}
	return nil
}

// Swap puts another guest in the place of the one that runs, under load: no
// request fails for it. The guest is smoke-run (Config.SmokeRun), validated,
// compiled, configured and asked to test itself before it gets the first
// request; after any failure the old one runs on, and the error says why. The
// guest that was replaced is kept for Rollback, and so that a Swap back to it
// takes no time; the one before it is closed in the background, once its last
// call has ended. The guest that runs already is no failure: Report.Unchanged.
func (h *Host) Swap(ctx context.Context, wasm []byte) (Report, error) {
	h.swapping.Lock()
	defer h.swapping.Unlock()
	r, err := h.swap(ctx, wasm)
	h.ledger.Lock()
	defer h.ledger.Unlock()
	switch {
	case err != nil:
		h.failedSwaps++
	case !r.Unchanged:
		h.swaps++
	}
	return r, err
}

func (h *Host) swap(ctx context.Context, wasm []byte) (Report, error) {
	if h.closed {
		return Report{}, instance.ErrClosed
	}
	digest := instance.Digest(wasm)
	if digest == h.current.Load().program.Digest() {
		r := h.Report()
		r.Unchanged = true
		return r, nil
	}
	superseded := h.previous.Load()
	if superseded != nil && superseded.program.Digest() == digest {
		return h.goBack(ctx)
	}
	if err := h.try(ctx, wasm); err != nil {
		return Report{}, err
	}
	next, err := h.generate(ctx, bytes.Clone(wasm))
	if err != nil {
		return Report{}, err
	}
	h.exchange(next)
	if superseded != nil {
		h.ledger.Lock()
		superseded.superseded = true
		h.ledger.Unlock()
		go h.retire(superseded, drainBound)
	}
	return h.Report(), nil
}

// Rollback goes back to the guest before the last Swap, which was kept
// compiled. The two change places: a second Rollback undoes the first.
func (h *Host) Rollback(ctx context.Context) (Report, error) {
	h.swapping.Lock()
	defer h.swapping.Unlock()
	if h.previous.Load() == nil || h.closed {
		return Report{}, ErrNoPrevious
	}
	r, err := h.goBack(ctx)
	if err == nil {
		h.ledger.Lock()
		h.rollbacks++
		h.ledger.Unlock()
	}
	return r, err
}

// goBack exchanges the guest that runs and the one before.
func (h *Host) goBack(ctx context.Context) (Report, error) {
	back := h.previous.Load()
	if err := back.program.Fill(ctx); err != nil {
		return Report{}, fmt.Errorf("edge: %w", err)
	}
	h.exchange(back)
	r := h.Report()
	r.Reused = true
	return r, nil
}

// exchange lets next serve and parks what served.
func (h *Host) exchange(next *generation) {
	old := h.current.Swap(next)
	h.previous.Store(old)
	old.program.Park()
}

// retire closes a superseded guest when its last call has ended. That this
// takes longer than bound is logged, and waited for all the same: a memory
// that a call still reads cannot be given back.
func (h *Host) retire(g *generation, bound time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	err := g.program.Drain(ctx)
	if errors.Is(err, instance.ErrInUse) {
		h.config.Logger.Warn("a superseded guest still has calls; its memory comes back when they end",
			"guest", g.program.Digest(), "after", bound.String(), "error", err)
		err = g.program.Close()
	}
	if err != nil {
		h.config.Logger.Error("closing a superseded guest failed", "guest", g.program.Digest(), "error", err)
	}
	of, _ := g.stats()
	h.ledger.Lock()
	defer h.ledger.Unlock()
	h.past.add(&of)
	h.live = slices.DeleteFunc(h.live, func(other *generation) bool { return other == g })
}

// Close ends the guests: there are no new calls, and those that run end first.
// It waits for them 30 s at most; then the error says how many there are, and
// their memory comes back when they end. Closing twice is no error.
func (h *Host) Close() error {
	if h == nil {
		return nil
	}
	var err error
	if h.websockets != nil {
		err = h.websockets.close() // its ends are told to the guests
	}
	h.swapping.Lock()
	defer h.swapping.Unlock()
	h.closed = true
	return errors.Join(err, h.close(drainBound))
}

func (h *Host) close(bound time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	h.ledger.Lock()
	live := slices.Clone(h.live)
	h.ledger.Unlock()
	var errs []error
	for _, g := range live {
		if err := g.program.Drain(ctx); err != nil {
			errs = append(errs, fmt.Errorf("edge: closing guest %.12s: %w", g.program.Digest(), err))
		}
	}
	return errors.Join(errs...)
}

// borrow takes an instance of the guest that runs. A program that was closed
// in the meantime has a successor.
func (h *Host) borrow(ctx context.Context) (*generation, *instance.Instance, error) {
	for {
		g := h.current.Load()
		i, err := g.program.Borrow(ctx)
		if !errors.Is(err, instance.ErrClosed) || h.current.Load() == g {
			return g, i, err
		}
	}
}
