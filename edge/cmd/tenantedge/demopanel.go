package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/rules"
	"github.com/tenantedge/tenantedge/edge/smoke"
)

// rulePanel lets a page of the demonstration edit rules. Each change is another guest,
// which the Host tries and swaps in.
type rulePanel struct {
	urlconfs []string // that rules may name
	origins  *http.CrossOriginProtection
	host     atomic.Pointer[func() *edge.Host] // nil until the demonstration is ready

	changing sync.Mutex // held while the guest is changed

	mu    sync.Mutex
	texts map[string]string // rules by the digest of their guest: the one that runs, and the one before
}

func newRulePanel(urlconfs map[string]config.URLConf) *rulePanel {
	return &rulePanel{
		urlconfs: slices.Sorted(maps.Keys(urlconfs)), origins: http.NewCrossOriginProtection(), texts: map[string]string{},
	}
}

// serve begins to change the guests of the Host that host returns. A reload of the
// configuration makes another Host.
func (p *rulePanel) serve(host func() *edge.Host) { p.host.Store(&host) }

// now returns the Host that serves; nil: the demonstration is not ready.
func (p *rulePanel) now() *edge.Host {
	if host := p.host.Load(); host != nil {
		return (*host)()
	}
	return nil
}

// digest returns that of the guest that runs.
func (p *rulePanel) digest() string {
	if h := p.now(); h != nil {
		return h.GuestDigest()
	}
	return ""
}

// triedKey is the context key of a func(time.Duration) that is told how long the trial
// of a guest has taken.
type triedKey struct{}

// smokeRun tries a guest as the Host asks.
func (p *rulePanel) smokeRun(ctx context.Context, t smoke.Trial) error {
	began := time.Now()
	err := smokeRunNow(ctx, t)
	if tell, ok := ctx.Value(triedKey{}).(func(time.Duration)); ok {
		tell(time.Since(began))
	}
	return err
}

func (p *rulePanel) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+demoPath+"guest", p.guarded(func(w http.ResponseWriter, _ *http.Request) { writeDemoJSON(w, http.StatusOK, p.state()) }))
	mux.HandleFunc("PUT "+demoPath+"rules", p.guarded(p.putRules))
	mux.HandleFunc("POST "+demoPath+"rollback", p.guarded(p.rollback))
}

// guarded denies next to all but pages of this demonstration in a browser on this
// machine: whoever may change the guest decides about all requests.
func (p *rulePanel) guarded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		switch {
		case err != nil || !peer.Addr().Unmap().IsLoopback():
			writeDemoJSON(w, http.StatusForbidden, panelEvent{Error: "only the machine that runs the demonstration can change its rules"})
		case !isLocalName(r.Host): // a name of another site may lead to this machine
			writeDemoJSON(w, http.StatusForbidden, panelEvent{Error: "expected a host such as tenant1.localhost, found another; open the page at one of those that the terminal lists"})
		case p.origins.Check(r) != nil:
			writeDemoJSON(w, http.StatusForbidden, panelEvent{Error: "the request comes from a page of another site"})
		case p.now() == nil:
			writeDemoJSON(w, http.StatusServiceUnavailable, panelEvent{Error: "the demonstration is starting; try again in a second"})
		default:
			next(w, r)
		}
	}
}

// isLocalName reports whether a host is localhost, a name below it or a loopback address.
func isLocalName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}

// panelState is what the page shows of the guest.
type panelState struct {
	Guest         string   `json:"guest"` // digest
	Rules         string   `json:"rules"`
	Previous      string   `json:"previous"` // digest; empty: none
	PreviousRules string   `json:"previous_rules"`
	Swaps         uint64   `json:"swaps"`
	Rollbacks     uint64   `json:"rollbacks"`
	Refused       uint64   `json:"refused"`
	URLConfs      []string `json:"urlconfs"`
}

func (p *rulePanel) state() panelState {
	s := p.now().Stats()
	p.mu.Lock()
	defer p.mu.Unlock()
	return panelState{
		s.Guest.Digest, p.texts[s.Guest.Digest], s.Previous.Digest, p.texts[s.Previous.Digest],
		s.Swaps, s.Rollbacks, s.FailedSwaps, p.urlconfs,
	}
}

// panelEvent is a line of the answer to a change. The last one has Error or State.
type panelEvent struct {
	Step   string      `json:"step,omitempty"` // linked, tried, swapped
	Millis float64     `json:"ms,omitempty"`
	Bytes  int         `json:"bytes,omitempty"`  // size of the guest
	Digest string      `json:"digest,omitempty"` // of the guest
	State  *panelState `json:"state,omitempty"`
	Error  string      `json:"error,omitempty"`
	Line   int         `json:"line,omitempty"` // of the mistake in the rules
	Column int         `json:"column,omitempty"`
}

// putRules swaps in the guest with the rules of the request. The answer has one line
// of JSON for each step.
func (p *rulePanel) putRules(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, rules.MaxText+1))
	if err != nil {
		writeDemoJSON(w, http.StatusRequestEntityTooLarge, panelEvent{Error: err.Error()})
		return
	}
	if !p.changing.TryLock() {
		writeDemoJSON(w, http.StatusConflict, panelEvent{Error: "another change of the rules has not ended; try again"})
		return
	}
	defer p.changing.Unlock()
	began := time.Now()
	guest, err := linkRules(string(text), p.urlconfs)
	var mistake *rules.Error
	if errors.As(err, &mistake) {
		writeDemoJSON(w, http.StatusUnprocessableEntity, panelEvent{Error: mistake.Text, Line: mistake.Line, Column: mistake.Column})
		return
	}
	if err != nil {
		writeDemoJSON(w, http.StatusInternalServerError, panelEvent{Error: err.Error()})
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	encoder, out := json.NewEncoder(w), http.NewResponseController(w)
	send := func(e panelEvent) {
		_ = encoder.Encode(e) // the client may have disconnected
		_ = out.Flush()
	}
	send(panelEvent{Step: "linked", Millis: millis(time.Since(began)), Bytes: len(guest)})
	ctx := context.WithValue(r.Context(), triedKey{}, func(took time.Duration) { send(panelEvent{Step: "tried", Millis: millis(took)}) })
	began = time.Now()
	report, err := p.now().Swap(ctx, guest)
	if err != nil {
		send(panelEvent{Error: err.Error()})
		return
	}
	p.keep(report.Guest.Digest, string(text))
	state := p.state()
	send(panelEvent{Step: "swapped", Millis: millis(time.Since(began)), Digest: report.Guest.Digest, State: &state})
}

// keep remembers the rules of the guest that runs, and forgets those of guests that
// cannot run any more without a change.
func (p *rulePanel) keep(digest, text string) {
	s := p.now().Stats()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.texts[digest] = text
	maps.DeleteFunc(p.texts, func(of, _ string) bool { return of != s.Guest.Digest && of != s.Previous.Digest })
}

// linkRules returns the guest with rules: the built-in one if there are none.
func linkRules(text string, urlconfs []string) ([]byte, error) {
	parsed, err := rules.Parse(text, urlconfs)
	if err != nil || len(parsed) == 0 {
		return assets.Router, err
	}
	return rules.Link(assets.Router, parsed)
}

// rollback returns to the guest before the last change.
func (p *rulePanel) rollback(w http.ResponseWriter, r *http.Request) {
	if !p.changing.TryLock() {
		writeDemoJSON(w, http.StatusConflict, panelEvent{Error: "a change of the rules has not ended; try again"})
		return
	}
	defer p.changing.Unlock()
	began := time.Now()
	report, err := p.now().Rollback(r.Context())
	if err != nil {
		writeDemoJSON(w, http.StatusConflict, panelEvent{Error: err.Error()})
		return
	}
	state := p.state()
	writeDemoJSON(w, http.StatusOK, panelEvent{Step: "rolled back", Millis: millis(time.Since(began)), Digest: report.Guest.Digest, State: &state})
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func writeDemoJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have disconnected
}
