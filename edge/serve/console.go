package serve

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/accounting"
	"github.com/tenantedge/tenantedge/edge/internal/console"
	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/explain"
	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// consoleOnce holds the console, which lives as long as the Server: those who have signed
// in, and the log, outlive a configuration.
type consoleOnce struct {
	once sync.Once
	made atomic.Pointer[console.Console]
}

// openConsole returns the console, which the first call makes; nil: it cannot be made.
func (s *Server) openConsole() *console.Console {
	if s.ring == nil {
		return nil
	}
	s.console.once.Do(func() {
		c, err := console.New(console.Options{
			Edge: func() console.Edge { return consoleEdge{s, s.now()} },
			Gate: consoleGate{s},
			Log:  s.ring,
		})
		if err != nil {
			s.log.Error("the console cannot be opened", "error", err)
			return
		}
		s.console.made.Store(c)
	})
	return s.console.made.Load()
}

func (s *Server) serveConsole(w http.ResponseWriter, r *http.Request) {
	c := s.openConsole()
	if c == nil {
		errorpage.Write(w, r, http.StatusInternalServerError)
		return
	}
	c.ServeHTTP(w, r)
}

func (s *Server) closeConsole() {
	s.console.once.Do(func() {}) // no call opens it any more
	if c := s.console.made.Load(); c != nil {
		c.Close()
	}
}

// consoleGate lets those who have an admin token use the console.
type consoleGate struct{ s *Server }

// Required implements console.Gate. Whoever reaches a listener without tokens is on this
// machine, where /tenants and /metrics need none either.
func (g consoleGate) Required() bool { return len(g.s.now().options.AdminTokens) > 0 }

// SignIn implements console.Gate. Guesses count as those of the API do.
func (g consoleGate) SignIn(r *http.Request, secret string) (console.Token, int, error) {
	peer := peerOf(r)
	if g.s.guesses.blocked(peer) {
		g.s.noteDenied(r, auditLimited)
		return console.Token{}, http.StatusTooManyRequests, errors.New("too many sign-ins without a valid token; try again later")
	}
	token := matchToken(secret, g.s.now().options.AdminTokens)
	if token == nil {
		g.s.guesses.failed(peer)
		g.s.noteDenied(r, auditUnauthorized)
		return console.Token{}, http.StatusUnauthorized, errors.New("expected the secret of an admin token, found another text; see admin_tokens in the configuration")
	}
	record := requestRecord(r)
	record.Who, record.Outcome = token.name, auditDone
	g.s.audit.record(record)
	return console.Token{Name: token.name, Role: token.role, Digest: token.digest}, http.StatusOK, nil
}

// Token implements console.Gate.
func (g consoleGate) Token(digest [sha256.Size]byte) (console.Token, bool) {
	for _, t := range g.s.now().options.AdminTokens {
		if t.digest == digest {
			return console.Token{Name: t.name, Role: t.role, Digest: digest}, true
		}
	}
	return console.Token{}, false
}

// Forbidden implements console.Gate.
func (g consoleGate) Forbidden(r *http.Request, t console.Token) {
	g.s.noteDenied(r.WithContext(context.WithValue(r.Context(), callerKey{}, t.Name)), auditForbidden)
}

// consoleEdge is the edge as the console sees it: a Server and its current generation.
type consoleEdge struct {
	s *Server
	g *generation
}

const (
	busiestTenants = 10 // tenants whose websockets are listed
	largestGroups  = 20 // groups of a tenant that are listed
)

// State implements console.Edge.
func (e consoleEdge) State() console.State {
	s, g := e.s, e.g
	ready := s.Readiness()
	state := console.State{
		Ready: ready.Ready, InFleet: s.fleet != nil, Reason: ready.Reason, Requests: ready.Requests,
		Host: g.host.Stats(), GuestDegraded: ready.Guest.Degraded, Busiest: g.host.BusiestWebsockets(busiestTenants),
	}
	state.Websockets.Stats = g.host.WebsocketStats()
	state.Websockets.Open, _ = g.host.OpenWebsockets()
	if ready.Media != nil {
		state.MediaDegraded = ready.Media.Degraded
	}
	if g.options.Directory != nil {
		rows := g.options.Directory()
		state.Directory = &rows
	}
	if s.serving.Load() { // the listeners are open
		for _, a := range s.Addrs() {
			state.Listeners = append(state.Listeners, a.String())
		}
	}
	return state
}

// Directory implements console.Edge.
func (e consoleEdge) Directory() *tenantdb.Directory {
	if e.g.defaults == nil {
		return nil // no row is served
	}
	return e.g.directory
}

// Static implements console.Edge.
func (e consoleEdge) Static() []abi.StaticTenant { return e.g.static }

// Tenant implements console.Edge.
func (e consoleEdge) Tenant(schema string) (console.Tenant, bool) {
	g := e.g
	report, ok := e.s.Tenant(schema)
	if !ok {
		return console.Tenant{}, false
	}
	t := console.Tenant{
		Schema: report.Schema, ID: report.ID, Status: report.Status, URLConf: report.URLConf,
		InProgress: report.InProgress, Waiting: report.Waiting, HasFiles: g.storeOf() != nil,
	}
	t.Relayed = report.Websockets
	t.Websockets, _ = g.host.TenantWebsockets(guests.Key(&tenant.Tenant{Schema: report.Schema, ID: report.ID, Dynamic: report.ID != ""}))
	if scope, err := g.host.Channels(schema); err == nil {
		st := scope.Stats()
		t.Channels, t.Groups, t.Largest = st.Channels, st.Memberships, scope.LargestGroups(largestGroups)
	}
	if e.s.accounts != nil {
		used := e.s.accounts.Report(&accounting.Query{By: accounting.Recent, Tenants: []string{schema}})
		t.Used = &used
	}
	if report.ID != "" {
		row, _ := g.directory.BySchema(schema) // without attributes if it was removed just now
		for _, a := range row.Attributes {
			t.Attributes = append(t.Attributes, a.Name)
		}
	}
	return t, true
}

// storeOf returns the store of the files of tenants; nil: they have none.
func (g *generation) storeOf() *store {
	if g.media != nil {
		return g.media
	}
	if g.options.Media != nil {
		return g.table.stores[g.options.Media.Location]
	}
	return nil
}

// Usage implements console.Edge.
func (e consoleEdge) Usage(ctx context.Context, schema string) (u console.Usage, err error) {
	g := e.g
	files := g.storeOf()
	if files == nil {
		return u, errors.New("the tenants of this configuration have no files")
	}
	t := &tenant.Tenant{Schema: schema}
	if g.directory != nil {
		if row, ok := g.directory.BySchema(schema); ok {
			t.ID, t.Dynamic, t.Attributes = row.ID, true, tenant.NewAttributes(row.Attributes)
		}
	}
	lease, err := files.lease(ctx, t)
	if err != nil {
		return u, err
	}
	defer lease.Release()
	meter := backend.ExtrasOf(lease.View).Meter
	if meter == nil {
		return u, errors.New("the storage does not count files")
	}
	u.Quota = storage.Quota{Bytes: g.options.Media.QuotaBytes, Files: g.options.Media.QuotaFiles}
	u.Kept, err = meter.Usage(ctx)
	return u, err
}

// Warnings implements console.Edge.
func (e consoleEdge) Warnings() config.Warnings { return e.g.warner.last() }

// maxNotes bounds what an explanation has of a guest's log.
const maxNotes = 50

// Explain implements console.Edge.
func (e consoleEdge) Explain(ctx context.Context, r *explain.Request) ([]explain.Line, error) {
	g := e.g
	var notes explain.Notes
	ctx = edge.WithoutEffects(ctx, notes.Logger())
	file := g.parts.file
	request, err := r.Of(ctx, g.host, file.GuestConfig.TenantSessionKey)
	a := explain.Answer{Request: request, Err: err, Websocket: r.Websocket}
	if err == nil {
		request.Explain = true
		a.Decision, a.Err = g.host.Route(ctx, &request)
	}
	if a.Err == nil && a.Decision.Outcome == abi.Tenant && !r.Websocket {
		if status, reason, ok := g.fileAccess().Status(ctx, &request, &a.Decision.Tenant); ok {
			a.File = &explain.File{Status: status, Reason: reason}
		}
	}
	a.Logged = notes.Take()
	if more := len(a.Logged) - maxNotes; more > 0 {
		a.Logged = append(a.Logged[:maxNotes], fmt.Sprintf("and %d more lines", more))
	}
	x := explain.Explainer{File: file}
	if guest := g.host.Stats().Guest; guest.Digest != instance.Digest(assets.Router) {
		x.Guest = fmt.Sprintf("%s %s, %.12s", guest.Name, guest.Version, guest.Digest)
	}
	return x.Lines(&a), nil
}

// fileAccess returns how the Server answers requests for files.
func (g *generation) fileAccess() *FileAccess {
	uploads := map[string]bool{}
	for name, c := range g.options.URLConfs {
		uploads[name] = c.Uploads != nil
	}
	return &FileAccess{g, uploads}
}

// recordOf returns the audit record of an action.
func recordOf(by console.By) auditRecord {
	return auditRecord{Action: by.Action, Who: by.Who, Peer: by.Peer, Reason: printable(by.Reason)}
}

// change changes the guest of the current generation, unless the edge is the node of a
// fleet, or the token of the session was removed meanwhile.
func (s *Server) change(by console.By, do func(*generation) error) (err error) {
	if s.fleet != nil {
		return s.refuseForFleet(recordOf(by))
	}
	s.changeGuest(func(g *generation) {
		if err = g.stillOperates(by); err == nil {
			err = do(g)
		}
	})
	return err
}

// stillOperates returns an error if the token of a session may not change the guest any
// more, as after a reload while the session sent a guest.
func (g *generation) stillOperates(by console.By) error {
	for _, t := range g.options.AdminTokens {
		if t.digest == by.Token && t.role == config.RoleOperate {
			return nil
		}
	}
	err := errors.New("expected an admin token with the role operate, found one that a reload of the configuration has just removed or changed; sign in again")
	record := recordOf(by)
	record.Outcome, record.Error = auditUnauthorized, err.Error()
	g.audit.refuse(record)
	return err
}

// withGuest verifies a guest that was uploaded, and changes the guest of the current
// generation.
func (s *Server) withGuest(by console.By, m console.Module, do func(*generation, signedGuest) error) error {
	return s.change(by, func(g *generation) error {
		guest, err := g.signatures.verify(m.Wasm, m.Signature)
		if err != nil {
			guest.wasm = m.Wasm // whose digest is recorded
			s.refuseGuest(recordOf(by), guest, err)
			return err
		}
		return do(g, guest)
	})
}

// Swap implements console.Guests.
func (e consoleEdge) Swap(ctx context.Context, by console.By, m console.Module) (report edge.Report, err error) {
	record := recordOf(by)
	err = e.s.withGuest(by, m, func(g *generation, guest signedGuest) (err error) {
		report, err = g.swapGuest(ctx, record, guest)
		return err
	})
	return report, err
}

// Rollback implements console.Guests.
func (e consoleEdge) Rollback(ctx context.Context, by console.By) (report edge.Report, err error) {
	record := recordOf(by)
	err = e.s.change(by, func(g *generation) (err error) {
		report, err = g.rollBackGuest(ctx, record)
		return err
	})
	return report, err
}

// StartCandidate implements console.Guests.
func (e consoleEdge) StartCandidate(ctx context.Context, by console.By, m console.Module, c edge.Candidate) error {
	record := recordOf(by)
	return e.s.withGuest(by, m, func(g *generation, guest signedGuest) error {
		_, err := g.tryGuest(ctx, record, guest, c)
		return err
	})
}

// Promote implements console.Guests.
func (e consoleEdge) Promote(ctx context.Context, by console.By) (report edge.Report, err error) {
	record := recordOf(by)
	err = e.s.change(by, func(g *generation) (err error) {
		report, err = g.promoteGuest(ctx, record)
		return err
	})
	return report, err
}

// Abort implements console.Guests.
func (e consoleEdge) Abort(by console.By) error {
	record := recordOf(by)
	reason := "aborted"
	if record.Reason != "" {
		reason += ": " + record.Reason
	}
	return e.s.change(by, func(g *generation) error {
		_, err := g.endTrial(record, reason)
		return err
	})
}

// maxRollouts is the number of rollouts of the fleet that are shown.
const maxRollouts = 20

// Fleet implements console.Edge.
func (e consoleEdge) Fleet(ctx context.Context) (*console.Fleet, error) {
	n := e.s.fleet
	if n == nil {
		return nil, nil
	}
	own := n.readiness()
	f := &console.Fleet{Name: own.Name, Node: own.Node, Rollout: own.Rollout, Problem: own.Error, Lost: own.Degraded}
	var err error
	if f.Nodes, err = n.store.Nodes(ctx); err != nil {
		return f, err
	}
	f.History, err = n.store.History(ctx, maxRollouts)
	return f, err
}

var (
	_ console.Gate = consoleGate{}
	_ console.Edge = consoleEdge{}
)
