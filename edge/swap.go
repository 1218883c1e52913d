package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// ErrNoPrevious is what Rollback returns where nothing was swapped yet.
var ErrNoPrevious = errors.New("edge: there is no previous guest")

// generation is a program with what the host knows of it.
type generation struct {
	program *instance.Program
	headers []string // canonical names of the headers that the guest asked for
}

func (g *generation) info() GuestInfo {
	c := g.program.Configured()
	return GuestInfo{Digest: g.program.Digest(), Name: c.Name, Version: c.Version}
}

// Report says what a Swap or a Rollback did.
type Report struct {
	Unchanged bool // the guest runs already
	Guest     GuestInfo
	Previous  GuestInfo // what Rollback would go back to; empty: nothing
}

// generate makes a program of a guest, with its first instances.
func (h *Host) generate(ctx context.Context, wasm []byte) (*generation, error) {
	p, err := instance.NewProgram(ctx, instance.Options{
		Wasm:         wasm,
		Config:       h.guestConfig,
		Bind:         func() hostfuncs.Services { return &services{host: h} },
		Limits:       instance.Limits(h.config.Limits),
		NoReset:      h.config.UnsafeNoReset,
		CompileCache: h.config.CompileCache,
		Logger:       h.config.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("edge: %w", err)
	}
	g := &generation{program: p}
	for _, name := range p.Configured().Headers {
		g.headers = append(g.headers, http.CanonicalHeaderKey(name))
	}
	return g, nil
}

// Swap puts another guest in the place of the one that runs, under load: no
// request fails for it. The guest is validated, smoke-run (Config.SmokeRun),
// compiled, configured and asked to test itself before it gets the first
// request; after any failure the old one runs on, and the error says why. The
// guest that was replaced is kept for Rollback, the one before it is closed
// once its last call has ended. The guest that runs already is no failure:
// Report.Unchanged.
func (h *Host) Swap(ctx context.Context, wasm []byte) (Report, error) {
	h.swapping.Lock()
	defer h.swapping.Unlock()
	if h.closed {
		return Report{}, instance.ErrClosed
	}
	if instance.Digest(wasm) == h.current.Load().program.Digest() {
		r := h.report()
		r.Unchanged = true
		return r, nil
	}
	if h.config.SmokeRun != nil {
		// First, so that a guest by which the compiler fails ends another process.
		if err := h.config.SmokeRun(ctx, wasm, h.guestConfig); err != nil {
			return Report{}, fmt.Errorf("edge: smoke run: %w", err)
		}
	}
	next, err := h.generate(ctx, bytes.Clone(wasm))
	if err != nil {
		return Report{}, err
	}
	superseded := h.previous.Load()
	h.exchange(next)
	if superseded != nil {
		if err := superseded.program.Close(); err != nil {
			h.config.Logger.Error("closing a superseded guest failed", "guest", superseded.program.Digest(), "error", err)
		}
	}
	return h.report(), nil
}

// Rollback goes back to the guest before the last Swap, which was kept
// compiled. The two change places: a second Rollback undoes the first.
func (h *Host) Rollback(ctx context.Context) (Report, error) {
	h.swapping.Lock()
	defer h.swapping.Unlock()
	back := h.previous.Load()
	if back == nil || h.closed {
		return Report{}, ErrNoPrevious
	}
	if err := back.program.Fill(ctx); err != nil {
		return Report{}, fmt.Errorf("edge: %w", err)
	}
	h.exchange(back)
	return h.report(), nil
}

// exchange lets next serve and parks what served.
func (h *Host) exchange(next *generation) {
	old := h.current.Swap(next)
	h.previous.Store(old)
	old.program.Park()
}

func (h *Host) report() Report {
	r := Report{Guest: h.current.Load().info()}
	if p := h.previous.Load(); p != nil {
		r.Previous = p.info()
	}
	return r
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

// GuestStats say how the programs of a Host fare.
type GuestStats struct {
	Guest, Previous GuestInfo
	// Current and Parked are the counters of the guest that runs, and of the
	// one that Rollback goes back to.
	Current, Parked instance.Stats
}

// Stats returns counters of the guests.
func (h *Host) Stats() GuestStats {
	g := h.current.Load()
	s := GuestStats{Guest: g.info(), Current: g.program.Stats()}
	if p := h.previous.Load(); p != nil {
		s.Previous, s.Parked = p.info(), p.program.Stats()
	}
	return s
}
