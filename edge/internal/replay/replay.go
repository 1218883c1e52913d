// Package replay asks a guest about recorded requests, offline, and reports what it
// decides otherwise than was recorded.
//
//	r := replay.New(ctx, replay.Options{Guest: wasm})
//	err := r.Log("requests.jsonl.zst", file)
//	report, err := r.End()
package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/record"
	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Options configure a Replay.
type Options struct {
	Guest []byte // Wasm of the candidate
	// Against is another guest, whose answers to the same records the candidate's are
	// compared with. nil: they are compared with the recorded answers.
	Against []byte
	// Config replaces the recorded configuration of the guests. nil: it does not.
	Config *abi.Config
	// FuelTolerance is by how many percent the fuel of a request may differ.
	FuelTolerance float64
	Examples      int // of each kind of difference; 0: all
	Workers       int // default GOMAXPROCS
	CompileCache  string
}

// Replay replays logs. Call Log for each one and then End.
type Replay struct {
	ctx     context.Context
	options Options
	work    chan job
	workers sync.WaitGroup
	tallies []*tally
	next    int // number of the next section
	notes   []string
	done    atomic.Uint64

	failed  atomic.Bool
	mu      sync.Mutex
	failure error // the first one
	sets    map[string]*sets
}

// job is a section to replay.
type job struct {
	section *record.Section
	number  int
}

// sets are the guests of one configuration.
type sets struct {
	ready              sync.Once
	candidate, against *guests.Set // against is nil unless Options.Against is set
	err                error
}

// New starts a replay. End must be called.
func New(ctx context.Context, o Options) *Replay {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	r := &Replay{ctx: ctx, options: o, work: make(chan job, o.Workers), sets: map[string]*sets{}}
	for range o.Workers {
		t := newTally(&r.options)
		r.tallies = append(r.tallies, t)
		r.workers.Go(func() { r.run(t) })
	}
	return r
}

// Log replays one log. It returns when it is read, not when the last request is
// replayed.
func (r *Replay) Log(name string, file io.Reader) error {
	in, err := record.NewReader(name, file)
	if err != nil {
		return err
	}
	defer in.Close()
	for n := 0; ; n++ {
		section, err := in.Next()
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return fmt.Errorf("%s: expected a log of requests, found an empty file", name)
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, record.ErrTruncated):
			r.notes = append(r.notes, fmt.Sprintf("%s: %v", name, err))
			return nil
		case err != nil:
			return err
		}
		if r.failed.Load() {
			return r.err()
		}
		select {
		case r.work <- job{section, r.next}:
			r.next++
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
	}
}

// Done returns how many requests were replayed until now.
func (r *Replay) Done() uint64 { return r.done.Load() }

// End waits for the last request and returns the report. There is none if the
// context has ended.
func (r *Replay) End() (*Report, error) {
	close(r.work)
	r.workers.Wait()
	err := r.err()
	if err == nil {
		err = r.ctx.Err()
	}
	for _, s := range r.sets {
		for _, set := range []*guests.Set{s.candidate, s.against} {
			if set != nil {
				err = errors.Join(err, set.Close())
			}
		}
	}
	if err != nil {
		return nil, err
	}
	sum := newTally(&r.options)
	for _, t := range r.tallies {
		sum.merge(t)
	}
	report := sum.report()
	report.Notes = append(r.notes, report.Notes...)
	return report, nil
}

func (r *Replay) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure
}

func (r *Replay) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == nil {
		r.failure = err
	}
	r.failed.Store(true)
}

func (r *Replay) run(t *tally) {
	w := worker{replay: r, tally: t}
	for j := range r.work {
		if r.failed.Load() {
			continue // so that Log does not wait
		}
		err := w.section(j)
		if err == nil {
			err = r.ctx.Err() // the guest's failures may be its consequence
		}
		if err != nil {
			r.fail(err)
		}
	}
}

// guests returns the guests for the configuration of a section.
func (r *Replay) guests(h *record.Header) (*sets, error) {
	c, err := r.config(h)
	if err != nil {
		return nil, err
	}
	key, err := json.Marshal([]any{c.ABI, h.Limits, h.Rules})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	s := r.sets[string(key)]
	if s == nil {
		s = &sets{}
		r.sets[string(key)] = s
	}
	r.mu.Unlock()
	s.ready.Do(func() {
		if s.candidate, s.err = guests.New(r.ctx, c, r.options.Guest, false); s.err != nil {
			s.err = fmt.Errorf("the candidate: %w", s.err)
			return
		}
		if r.options.Against != nil {
			if s.against, s.err = guests.New(r.ctx, c, r.options.Against, false); s.err != nil {
				s.err = fmt.Errorf("the guest to compare with: %w", s.err)
			}
		}
	})
	return s, s.err
}

var errNoSettings = errors.New("the log has no settings of the guest, since record.omit_settings is set: expected --config with the file that has them")

// noDeadline keeps a busy machine from changing an answer. Fuel bounds the guest too,
// and is exact.
const noDeadline = time.Minute

// config returns what the guests of a section need.
func (r *Replay) config(h *record.Header) (guests.Config, error) {
	settings := r.options.Config
	text := []byte(h.Config)
	if settings == nil {
		if h.NoSettings {
			return guests.Config{}, errNoSettings
		}
		settings = &abi.Config{}
		if err := json.Unmarshal(h.Config, settings); err != nil {
			return guests.Config{}, fmt.Errorf("the recorded configuration: %w", err)
		}
	} else {
		var err error
		if text, err = json.Marshal(settings); err != nil {
			return guests.Config{}, err
		}
	}
	strict := settings.Compat == abi.Strict
	rules := trust.New(trust.Config{TenantHeader: settings.TenantHeader, Upstream: h.Rules.Upstream, Guard: h.Rules.Guard, Allow: h.Rules.Allow, Hardened: !strict})
	c := guests.Config{
		ABI: text, Strict: strict, Tenants: guests.NewTenants(settings.Tenants, tenantdb.NewDirectory(tenantdb.Options{}), strict),
		MaySet:     rules.GuestMaySet,
		FileLimits: hostfuncs.FileLimits{Bytes: h.Limits.FileBytes, Open: h.Limits.OpenFiles},
		Limits: instance.Limits{
			Fuel: h.Limits.Fuel, Memory: h.Limits.Memory, Stack: h.Limits.Stack,
			Deadline: noDeadline, QueueTimeout: noDeadline, Instances: r.options.Workers,
		},
		CompileCache: r.options.CompileCache,
		FixedTime:    1, // for what was not recorded
		Logger:       slog.New(slog.DiscardHandler), LogRate: -1,
	}
	c.Tenants.Default = settings.Default
	return c, nil
}

// worker replays one section at a time.
type worker struct {
	replay *Replay
	tally  *tally
	player player
	sets   *sets
	a, b   outcome // of the reference and the candidate
}

// outcome is what a guest answered.
type outcome struct {
	fuel     uint64
	decision []byte // empty: the guest failed
	failed   string
	text     string // of the failure
	missing  []string
	buffer   []byte
	decided  guests.Decision
}

// counted is the number of requests after which Done is updated.
const counted = 1024

func (w *worker) section(j job) error {
	h := &j.section.Header
	var err error
	if w.sets, err = w.replay.guests(h); err != nil {
		return fmt.Errorf("%s: %w", j.section.Where(0), err)
	}
	g := w.sets.candidate.Current()
	w.tally.begin(j, h, g)
	if w.sets.against == nil && h.FuelVersion != g.FuelVersion() {
		w.tally.incomparable(h.FuelVersion, g.FuelVersion())
	}
	n := uint64(0)
	err = j.section.Requests(func(line int, r *record.Request) {
		w.request(line, r)
		if n++; n%counted == 0 {
			w.replay.done.Add(counted)
		}
	})
	w.replay.done.Add(n % counted)
	return err
}

func (w *worker) request(line int, r *record.Request) {
	if w.replay.failed.Load() {
		return
	}
	if w.sets.against != nil {
		w.ask(w.sets.against, r, &w.a)
	} else {
		w.a.fuel, w.a.decision, w.a.failed, w.a.text = r.Fuel, r.Decision, r.Failed, r.Error
	}
	w.ask(w.sets.candidate, r, &w.b)
	w.tally.compare(line, r, &w.a, &w.b)
}

// ask asks a guest about a recorded request.
func (w *worker) ask(set *guests.Set, r *record.Request, o *outcome) {
	w.player.play(r)
	o.decided = guests.Decision{}
	fuel, err := set.Replay(w.replay.ctx, &w.player, &r.Request, &o.decided)
	o.fuel, o.decision, o.failed, o.text = fuel, nil, "", ""
	o.missing = append(o.missing[:0], w.player.missing...)
	switch failure := (*guests.Failure)(nil); {
	case err == nil:
		o.buffer = record.AppendDecision(o.buffer[:0], &o.decided, &r.Request)
		o.decision = o.buffer
	case errors.As(err, &failure):
		o.failed, o.text = string(failure.Trap), failure.Err.Error()
	case errors.Is(err, instance.ErrTooLarge):
		o.failed, o.text = "too_large", err.Error()
	default:
		w.replay.fail(err)
	}
}

// missingHeaders returns the headers that a guest gets and a log does not have.
func missingHeaders(h *record.Header, g *guests.Generation) (names []string) {
	for _, name := range g.Headers() {
		if !slices.Contains(h.Headers, name) {
			names = append(names, name)
		}
	}
	return names
}
