package guests

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Candidate has the fields of edge.Candidate, which documents them: one converts
// to the other.
type Candidate struct {
	Guest   []byte
	Shadow  float64
	Canary  float64
	Tenants []string
	Header  string
	Limits  CandidateLimits
}

// CandidateLimits has the fields of edge.CandidateLimits.
type CandidateLimits struct {
	Failures    float64
	Differences float64
	Costly      float64
	Fuel        float64
	Time        float64
}

// ErrNoCandidate is the error of [Set.Promote] and [Set.Abort] without a candidate.
var ErrNoCandidate = errors.New("there is no candidate")

// minJudged is the number of requests that a share of CandidateLimits is at least
// taken of, so that chance decides nothing at the start.
const minJudged = 1000

// candidate is a guest that is tried beside the current one.
type candidate struct {
	Candidate
	set        *Set
	generation *Generation
	tenants    map[string]bool
	name       string // of Header, canonical
	value      string
	began      time.Time
	queue      chan *shadowed // nil: not a shadow
	stop       chan struct{}  // closed when the trial ends; nil: not a shadow
	seen       atomic.Uint64  // requests that a shadow might be given

	judged, failures, costly, differing, dropped atomic.Uint64
	fuel, currentFuel                            atomic.Uint64
	took, currentTook                            atomic.Int64

	aborted atomic.Bool // it decides nothing more

	mu      sync.Mutex
	kinds   map[stats.Difference]uint64
	samples []stats.DifferenceSample
}

func newCandidate(s *Set, c *Candidate) (*candidate, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	t := &candidate{Candidate: *c, set: s, began: time.Now(), tenants: map[string]bool{}, kinds: map[stats.Difference]uint64{}}
	t.Guest = nil
	for _, schema := range c.Tenants {
		t.tenants[schema] = true
	}
	t.name, t.value = c.header()
	return t, nil
}

// Check returns why the candidate cannot be tried, whatever its guest is.
func (c *Candidate) Check() error {
	isCanary := c.Canary > 0 || len(c.Tenants) > 0 || c.Header != ""
	switch {
	case !share(c.Shadow) || !share(c.Canary) || !share(c.Limits.Failures) || !share(c.Limits.Differences) || !share(c.Limits.Costly):
		return fmt.Errorf("expected shares between 0 and 1, found shadow %v, canary %v, failures %v, differences %v and costly %v",
			c.Shadow, c.Canary, c.Limits.Failures, c.Limits.Differences, c.Limits.Costly)
	case c.Shadow > 0 && isCanary:
		return errors.New("expected a shadow or a canary, found both; try the guest as a shadow first, then as a canary")
	case c.Shadow == 0 && !isCanary:
		return errors.New("expected a share of requests (shadow), or a share of tenants, tenants or a header (canary), found none")
	}
	if name, value := c.header(); c.Header != "" && (name == "" || value == "") {
		return fmt.Errorf("expected a header as name: value, found %q", c.Header)
	}
	return nil
}

// header returns the canonical name and the value of Header.
func (c *Candidate) header() (name, value string) {
	name, value, _ = strings.Cut(c.Header, ":")
	return textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)), strings.TrimSpace(value)
}

func share(x float64) bool { return x >= 0 && x <= 1 }

// StartCandidate loads a guest and tries it beside the current one. Another
// candidate is replaced.
func (s *Set) StartCandidate(ctx context.Context, c *Candidate) error {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	if s.closed {
		return instance.ErrClosed
	}
	t, err := newCandidate(s, c)
	if err != nil {
		return &Rejected{fmt.Errorf("candidate: %w", err)}
	}
	if digest := instance.Digest(c.Guest); digest == s.current.Load().digest {
		return &Rejected{fmt.Errorf("candidate: expected another guest than the one that runs, found the same, %.12s", digest)}
	}
	if err := s.try(ctx, c.Guest, true); err != nil {
		return err
	}
	if t.generation, err = s.generate(ctx, slices.Clone(c.Guest)); err != nil {
		return err
	}
	t.generation.candidate = t
	s.endCandidate("replaced by another candidate")
	if t.Shadow > 0 {
		t.queue, t.stop = make(chan *shadowed, shadowQueue), make(chan struct{})
		go t.work()
	}
	s.candidate.Store(t)
	return nil
}

// Promote makes the candidate the current guest.
func (s *Set) Promote(ctx context.Context) (Report, error) {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	t := s.candidate.Load()
	switch {
	case s.closed:
		return Report{}, instance.ErrClosed
	case t == nil || t.aborted.Load():
		return Report{}, ErrNoCandidate
	}
	if err := t.generation.program.Fill(ctx); err != nil {
		return Report{}, err
	}
	s.unsetCandidate(t, "promoted")
	superseded := s.previous.Load()
	s.exchange(t.generation)
	s.supersede(superseded)
	s.statsMu.Lock()
	s.swaps++
	s.statsMu.Unlock()
	return s.Report(), nil
}

// Abort ends the trial of the candidate, for a reason that Stats reports.
func (s *Set) Abort(reason string) error {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	if s.candidate.Load() == nil {
		return ErrNoCandidate
	}
	s.endCandidate(reason)
	return nil
}

// endCandidate ends the trial of the candidate, if there is one, and closes it. The
// caller holds s.swapping.
func (s *Set) endCandidate(reason string) {
	if t := s.candidate.Load(); t != nil {
		s.unsetCandidate(t, reason)
		s.supersede(t.generation)
	}
}

// unsetCandidate takes t out of use and keeps its figures.
func (s *Set) unsetCandidate(t *candidate, reason string) {
	t.aborted.Store(true)
	last := t.stats()
	last.Ended = reason
	s.statsMu.Lock()
	s.lastCandidate = last
	s.statsMu.Unlock()
	s.candidate.Store(nil)
	if t.queue != nil {
		close(t.stop)
	}
}

// fail ends the trial because of a limit. It returns at once.
func (t *candidate) fail(reason string) {
	if t.aborted.Swap(true) {
		return
	}
	t.set.config.Logger.Error("the candidate exceeds a limit; the current guest keeps running", "candidate", t.generation.digest, "current", t.set.Current().digest, "reason", reason)
	go func() { // a swap holds the lock while it compiles
		t.set.swapping.Lock()
		defer t.set.swapping.Unlock()
		if t.set.candidate.Load() == t {
			t.set.endCandidate(reason)
		}
	}()
}

// covers reports whether the canary decides about a request, for which the current
// guest decided d.
func (t *candidate) covers(r *Request, d *Decision) bool {
	if t.name != "" && slices.Contains(r.Header[t.name], t.value) {
		return true
	}
	if schema := d.Tenant.Schema; schema != "" {
		return t.coversTenant(schema)
	}
	return t.inShare("host", r.Host)
}

// coversTenant reports whether the canary serves a tenant.
func (t *candidate) coversTenant(schema string) bool {
	return t.tenants[schema] || t.inShare("tenant", schema)
}

// inShare reports whether a tenant or a host is in the share Canary: always the
// same ones, on every edge and for every guest, and those of a smaller share are
// among those of a larger one.
func (t *candidate) inShare(kind, name string) bool {
	if t.Canary == 0 {
		return false
	}
	sum := sha256.Sum256([]byte(kind + "\x00" + name))
	return float64(binary.BigEndian.Uint64(sum[:])>>11)/(1<<53) < t.Canary
}

// judgement is what one request showed.
type judgement struct {
	err               error // of the candidate
	differences       []stats.Difference
	fuel, currentFuel uint64
	took, currentTook time.Duration
}

// judge counts a request, and reports whether the candidate's decision may be used.
// If a limit is exceeded, this request gets the current guest's.
func (t *candidate) judge(j *judgement) bool {
	judged := t.judged.Add(1)
	t.fuel.Add(j.fuel)
	t.currentFuel.Add(j.currentFuel)
	t.took.Add(int64(j.took))
	t.currentTook.Add(int64(j.currentTook))
	of := float64(max(judged, minJudged))
	over := func(n uint64, limit float64) bool { return limit < 1 && float64(n) > limit*of }
	if j.err != nil {
		return t.failed(j.err)
	}
	if len(j.differences) > 0 {
		if n := t.differing.Add(1); over(n, t.Limits.Differences) {
			t.fail(fmt.Sprintf("%d of %d decisions differ, expected a share of at most %v; the last one in %s", n, judged, t.Limits.Differences, j.differences[0]))
			return false
		}
	}
	if t.Limits.Fuel > 0 && float64(j.fuel) > t.Limits.Fuel*float64(j.currentFuel) {
		if n := t.costly.Add(1); over(n, t.Limits.Costly) {
			t.fail(fmt.Sprintf("%d of %d calls used over %v times the fuel of the current guest, expected a share of at most %v; the last one %d units instead of %d",
				n, judged, t.Limits.Fuel, t.Limits.Costly, j.fuel, j.currentFuel))
			return false
		}
	}
	if limit := t.Limits.Time; limit > 0 && judged >= minJudged {
		if took, current := t.took.Load(), t.currentTook.Load(); float64(took) > limit*float64(current) {
			t.fail(fmt.Sprintf("%d calls took %v, those of the current guest %v: expected at most %v times as long",
				judged, time.Duration(took), time.Duration(current), limit))
			return false
		}
	}
	return !t.aborted.Load()
}

// failed counts a failure of the candidate. It returns false.
func (t *candidate) failed(err error) bool {
	n, of := t.failures.Add(1), max(t.judged.Load(), minJudged)
	if t.Limits.Failures < 1 && float64(n) > t.Limits.Failures*float64(of) {
		t.fail(fmt.Sprintf("%d of %d calls failed, expected a share of at most %v; the last error: %v", n, t.judged.Load(), t.Limits.Failures, err))
	}
	return false
}

// note counts differences by kind, and keeps the last ones.
func (t *candidate) note(r *Request, current, found *Decision, kinds []stats.Difference) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range kinds {
		t.kinds[k]++
	}
	if len(t.samples) == maxSamples {
		t.samples = slices.Delete(t.samples, 0, 1)
	}
	t.samples = append(t.samples, stats.DifferenceSample{
		At: time.Now(), Method: fmt.Sprintf("%.20s", r.Method), Host: fmt.Sprintf("%.200s", r.Host), Path: fmt.Sprintf("%.200s", rawPath(r.Target)),
		Kinds: kinds, Current: brief(current), Candidate: brief(found),
	})
}

// maxSamples is the number of differences that are kept.
const maxSamples = 20

// brief describes a decision in one line, without what a client may keep secret.
func brief(d *Decision) string {
	s := d.Outcome.String()
	if d.Outcome == abi.Redirect {
		s += fmt.Sprintf(" %d to %.200s", d.Status, d.Location)
	}
	if t := &d.Tenant; t.Schema != "" {
		s += fmt.Sprintf(" %s urlconf=%s path=%.200s identifier=%s", t.Schema, t.URLConf, t.Path, t.Identifier)
	}
	return s
}

func (t *candidate) stats() *stats.Candidate {
	c := &stats.Candidate{
		Guest: t.generation.info(), Shadow: t.Shadow, Canary: t.Canary, Tenants: t.Tenants, Header: t.name, Began: t.began,
		Judged: t.judged.Load(), Failures: t.failures.Load(), Costly: t.costly.Load(), Differing: t.differing.Load(), Dropped: t.dropped.Load(),
		Fuel: t.fuel.Load(), CurrentFuel: t.currentFuel.Load(),
		Seconds: time.Duration(t.took.Load()).Seconds(), CurrentSeconds: time.Duration(t.currentTook.Load()).Seconds(),
		Program: t.generation.program.Stats(), Differences: map[stats.Difference]uint64{},
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, n := range t.kinds {
		c.Differences[k] = n
	}
	c.Samples = slices.Clone(t.samples)
	return c
}
