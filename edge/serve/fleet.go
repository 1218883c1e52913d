package serve

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
)

// fleetNode makes the edge run what its fleet shall run. The guest of guest.path, or
// the built-in one, runs until the fleet has a rollout.
type fleetNode struct {
	server   *Server
	store    *fleet.Store
	name     string
	process  string
	every    time.Duration // heartbeat
	lastGood lastGoodGuest // the fleet's last guest, for a start without the database
	places   []string      // in registries, from which rollouts may name guests

	// Used by the goroutine that carries rollouts out only.
	trial    runningTrial
	fetching context.Context // of the guest of the rollout that is carried out
	fetched  fleet.Report    // with the times of the last guest
	refusal  string          // the rollout and the error of the last guest that was not signed

	news    chan struct{} // has a value if there is something to carry out
	reports chan struct{} // has a value if there is something to report

	stop       context.CancelFunc // nil before start
	background sync.WaitGroup
	settled    chan struct{} // closed after the first rollout, or if there is none to be had
	settle     func()

	mu        sync.Mutex
	newest    *fleet.Rollout          // nil: not known yet
	interrupt context.CancelCauseFunc // ends fetching; nil before the first rollout
	done      int64                   // the newest rollout that was carried out
	failed    int64                   // the rollout that was not; 0: none
	problem   string                  // why
	lost      string                  // why the database cannot be read; empty: it can
	decides   bool                    // the guest is the fleet's, not that of the configuration
	figures   fleet.Report
	warned    bool // about a second node of this name
	reported  bool
}

// runningTrial is the trial that a rollout has begun.
type runningTrial struct {
	rollout int64 // 0: none
	digest  string
	how     string // its parameters
	ended   string // because of which limit; empty: it goes on
	told    bool   // the fleet knows that it ended
}

// defaultHeartbeat is how often a node reports if nothing changes.
const defaultHeartbeat = 5 * time.Second

// newFleetNode returns the node of a file; nil: it has no fleet.
func (s *Server) newFleetNode(f *config.File, cache string) (*fleetNode, error) {
	if f.Fleet == nil {
		return nil, nil
	}
	store, err := fleet.OpenConfigured(f)
	if err != nil {
		return nil, err
	}
	n := &fleetNode{
		server: s, store: store, name: f.Fleet.Node, process: rand.Text(), every: cmp.Or(f.Fleet.Heartbeat, defaultHeartbeat),
		lastGood: lastGoodGuest{path: f.Fleet.LastGood}, places: f.GuestPlaces(),
		news: make(chan struct{}, 1), reports: make(chan struct{}, 1), settled: make(chan struct{}),
	}
	n.settle = sync.OnceFunc(func() { close(n.settled) })
	if n.name == "" {
		if n.name, err = os.Hostname(); err != nil || !fleet.ValidName(n.name) {
			return nil, errors.Join(errorf("fleet.node: expected a host name of letters, digits, dots, hyphens and underscores, found %q; set the key", n.name), err, store.Close())
		}
	}
	if n.lastGood.path == "" && cache != "" {
		// Several nodes may share a cache.
		n.lastGood.path = filepath.Join(cache, "last-good", fmt.Sprintf("%.16x.guest", sha256.Sum256([]byte(strings.Join([]string{"fleet", store.Database(), store.Fleet(), n.name}, "\x00")))))
	}
	s.metrics.MustRegister(n.metrics()...)
	return n, nil
}

// newHost makes the Host of g with the last guest of the fleet. It returns nil if there
// is none, or if it is refused.
func (n *fleetNode) newHost(ctx context.Context, g *generation, c edge.Config) *edge.Host {
	if n == nil || n.lastGood.path == "" {
		return nil
	}
	guest, err := n.lastGood.load()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		guest, err = g.signatures.verify(guest.wasm, guest.signature)
	}
	var host *edge.Host
	if err == nil {
		c.Guest = guest.wasm
		host, err = edge.New(ctx, c)
	}
	if err != nil {
		n.server.log.Error("the last guest of the fleet cannot be used; that of the configuration is", "file", n.lastGood.path, "error", err)
		return nil
	}
	n.setDecides(true)
	if g.kept.current = guest; g.options.GuestFile != "" {
		g.guestFile = g.newGuestFile()
	}
	n.server.audit.record(auditRecord{Action: auditFleet, Who: "start", Outcome: auditDone, After: host.GuestDigest(), SignedBy: guest.keyID})
	return host
}

// auditFleet is the action of audit records about rollouts.
const auditFleet = "fleet"

// startPatience is how long a start waits for the fleet's guest, so that the first
// requests get it. Without the database it does not wait.
const startPatience = 30 * time.Second

// start follows the fleet in the background until ctx ends or close. It waits until the
// first rollout was carried out.
func (n *fleetNode) start(ctx context.Context) {
	if n == nil {
		return
	}
	ctx, n.stop = context.WithCancel(ctx)
	n.background.Go(func() { n.carryOut(ctx) })
	n.background.Go(func() { n.report(ctx) })
	n.background.Go(func() {
		n.store.Follow(ctx, n.every, fleet.Observer{Changed: n.changed, Found: n.found, Lost: n.unreachable})
	})
	timer := time.NewTimer(startPatience)
	defer timer.Stop()
	select {
	case <-n.settled:
	case <-ctx.Done():
	case <-timer.C:
		n.server.log.Warn("the guest of the fleet is not loaded yet; serving with another one", "waited", startPatience.String())
	}
}

// close ends following the fleet.
func (n *fleetNode) close() error {
	if n == nil {
		return nil
	}
	if n.stop != nil {
		n.stop()
		n.background.Wait()
	}
	return n.store.Close()
}

// again makes the node compare what runs with the newest rollout, after a reload.
func (n *fleetNode) again() {
	if n == nil {
		return
	}
	n.mu.Lock()
	known := n.newest != nil
	n.mu.Unlock()
	if known {
		signal(n.news)
	}
}

func (n *fleetNode) changed(r fleet.Rollout) {
	n.mu.Lock()
	n.newest = &r
	if n.interrupt != nil {
		n.interrupt(errInterrupted)
	}
	n.mu.Unlock()
	signal(n.news)
}

func (n *fleetNode) found() {
	n.mu.Lock()
	again := n.lost != ""
	n.lost = ""
	n.mu.Unlock()
	if again {
		n.server.log.Info("the fleet can be read again", "fleet", n.store.Fleet())
	}
}

func (n *fleetNode) unreachable(err error, retry time.Duration) {
	n.mu.Lock()
	first := n.lost == ""
	n.lost = err.Error()
	known := n.newest != nil
	n.mu.Unlock()
	if first {
		n.server.log.Warn("the fleet cannot be read; the current guest keeps running", "fleet", n.store.Fleet(), "error", err, "retry_in", retry.Round(time.Millisecond).String())
	}
	if !known {
		n.settle()
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is pending
	}
}

// overrides reports whether the guest is that of the fleet, so that guest.path is not
// read.
func (n *fleetNode) overrides() bool {
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.decides
}

// unlessFleet refuses requests that change the guest of one node of a fleet: the next
// rollout would undo the change, and the fleet's history would not have it.
func (s *Server) unlessFleet(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.fleet == nil {
			next(w, r)
			return
		}
		closeUnread(w, r)
		writeJSON(w, http.StatusConflict, apiError{s.refuseForFleet(requestRecord(r)).Error()})
	}
}

// refuseForFleet records that the guest of a node was not changed, and returns why.
func (s *Server) refuseForFleet(record auditRecord) error {
	err := fmt.Errorf("expected an edge without a fleet, found a node of the fleet %s, which decides what runs here; use `tenantedge guest` with --config or --fleet, to change all of its nodes", s.fleet.store.Fleet())
	record.Outcome, record.Error = auditRefused, err.Error()
	s.audit.record(record)
	return err
}

// report reports to the fleet, at each change and every heartbeat, until ctx ends.
func (n *fleetNode) report(ctx context.Context) {
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = n.store.Stop(last, n.name, n.process) // without it, the node is gone after some heartbeats
	}()
	tick := time.NewTicker(n.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.reports:
		case <-tick.C:
		}
		n.put(ctx)
	}
}

func (n *fleetNode) put(ctx context.Context) {
	host, _ := os.Hostname()
	of := n.server.now().host.Stats()
	n.mu.Lock()
	node := fleet.Node{
		Name: n.name, Process: n.process, Host: host, Version: buildVersion(), Heartbeat: n.every,
		Digest: of.Guest.Digest, Rollout: n.done, Failed: n.failed, Error: n.problem, Report: n.figures,
	}
	known := n.newest != nil
	n.mu.Unlock()
	if !known {
		return // nothing was carried out yet
	}
	node.Report.Guest, node.Report.Candidate = of.Guest, of.Candidate
	other, err := n.store.Put(ctx, &node)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		n.server.log.Debug("cannot report to the fleet", "error", err) // Follow logs an outage
	case other != "" && n.reported && !n.warned:
		n.warned = true
		n.server.log.Warn("expected another name for each node of the fleet, found a second edge with this one; set fleet.node", "node", n.name)
	default:
		n.reported = true
	}
}

// buildVersion returns the version of the module in this program.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return info.Main.Version
}
