// Package guests holds the guests of a Host: the current one, the previous one, and
// superseded ones whose last calls have not ended. It calls them, checks their
// replies, and implements their host functions.
package guests

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/trace"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// Config is what all guests of a [Set] have in common.
type Config struct {
	ABI     []byte   // JSON of the abi.Config that each guest gets
	Strict  bool     // strict rules for paths, if the guest has no rules for them
	Tenants *Tenants // that decisions may name
	// MaySet reports whether a guest may set a header of the request to the
	// upstream.
	MaySet func(header string) bool
	// Fallback makes the previous guest decide if the current one traps.
	Fallback bool
	// Try tries a guest in another process before it is loaded in this one;
	// serving says that a guest serves requests meanwhile. nil: guests are not
	// tried.
	Try func(ctx context.Context, wasm []byte, serving bool) error

	Queries    Querier // runs named statements for guests; nil: none
	FileLimits hostfuncs.FileLimits

	Limits       instance.Limits
	NoReset      bool
	CompileCache string
	FixedTime    int64 // see hostfuncs.Call
	// Recorder records a sample of the requests; nil: none.
	Recorder Recorder
	// Cost returns where to add what a call of a guest with this context costs; nil:
	// nowhere. Cost may be nil.
	Cost    func(context.Context) *stats.Cost
	Tracer  trace.Tracer // follows calls and host functions that wait; nil: nothing does
	Logger  *slog.Logger
	LogRate int64 // bytes a second that guests may log; negative: unlimited
}

// Set holds the guests of a Host. It is safe for concurrent use.
type Set struct {
	config    Config
	files     storage.Storage // nil: guests have no files
	pathnames pathnames
	log       *guestLog

	current, previous atomic.Pointer[Generation]
	candidate         atomic.Pointer[candidate] // nil: no guest is tried

	swapping sync.Mutex // held while guests are swapped
	closed   bool

	// statsMu guards what Stats adds up. A superseded generation is in live until it is
	// closed; then its figures are added to past.
	statsMu                       sync.Mutex
	live                          []*Generation
	past                          stats.Program
	lastCandidate                 *stats.Candidate // whose trial has ended
	swaps, rollbacks, failedSwaps uint64
}

// New loads the first guest. An error is a [Rejected].
func New(ctx context.Context, c Config, wasm []byte, try bool) (*Set, error) {
	s := &Set{config: c, past: instance.NoStats(), log: newGuestLog(c.Logger, c.LogRate)}
	if try {
		if err := s.try(ctx, wasm, false); err != nil {
			return nil, err
		}
	}
	first, err := s.generate(ctx, wasm)
	if err != nil {
		return nil, err
	}
	s.current.Store(first)
	return s, nil
}

// UseFiles sets the files that guests may use. It must be called before the
// first request, if at all.
func (s *Set) UseFiles(b storage.Storage) { s.files = b }

// Tracer returns Config.Tracer.
func (s *Set) Tracer() trace.Tracer { return s.config.Tracer }

// Current returns the current generation.
func (s *Set) Current() *Generation { return s.current.Load() }

// Previous returns the generation that Rollback makes current, or nil.
func (s *Set) Previous() *Generation { return s.previous.Load() }

// Borrow takes an instance of the current guest. The caller gives it back with
// [Generation.Return].
func (s *Set) Borrow(ctx context.Context) (*Generation, *instance.Instance, error) {
	for {
		g := s.current.Load()
		i, err := g.program.Borrow(ctx)
		// A program that was closed in the meantime has a successor.
		if !errors.Is(err, instance.ErrClosed) || s.current.Load() == g {
			return g, i, err
		}
	}
}

// Generation is one loaded guest.
type Generation struct {
	program *instance.Program // nil while it is being loaded
	digest  string
	headers []string // canonical names of the request headers that the guest gets
	sets    []string // names of the headers that the guest may set for upstreams

	tracer trace.Tracer // nil: none

	candidate *candidate // nil: it was never tried beside another

	superseded bool // it is being closed; guarded by Set.statsMu
}

// generate loads a guest, with its first instances.
func (s *Set) generate(ctx context.Context, wasm []byte) (*Generation, error) {
	g := &Generation{digest: instance.Digest(wasm), tracer: s.config.Tracer}
	p, err := instance.NewProgram(ctx, instance.Options{
		Wasm:         wasm,
		Config:       s.config.ABI,
		Bind:         func() hostfuncs.Services { return newServices(s, g) },
		Limits:       s.config.Limits,
		NoReset:      s.config.NoReset,
		CompileCache: s.config.CompileCache,
		FixedTime:    s.config.FixedTime,
		Cost:         s.config.Cost,
		Logger:       s.config.Logger,
	})
	if err != nil {
		return nil, &Rejected{err}
	}
	g.program = p
	for _, name := range p.Configured().Headers {
		g.headers = append(g.headers, http.CanonicalHeaderKey(name))
	}
	g.sets = p.Configured().SetHeaders
	s.statsMu.Lock()
	s.live = append(s.live, g)
	s.statsMu.Unlock()
	return g, nil
}
