package serve

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/internal/hold"
	"github.com/tenantedge/tenantedge/edge/internal/tracing"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// generation serves requests as one configuration says. A Reload makes another one
// current; this one is closed when its requests and its websockets have ended.
type generation struct {
	*common
	options settings
	parts   *Parts  // nil in tests
	warner  *warner // nil in tests
	core
	media   *store // nil: tenants have no files
	table   *table
	handler http.Handler
	files   http.Handler // of ServeFile
	admin   http.Handler // of the admin listener

	proxies  []*proxy
	deciders []*decider
	defaults *abi.DefaultTenant    // nil: there are only static tenants
	rooms    map[string]*hold.Room // by the name of the urlconf
	bounds   bounds

	latencies *latencies
	tracer    *tracing.Tracer // nil: requests are not traced

	signatures *signatures
	kept       keptGuests    // guarded by Server.changing
	guestFile  *guestFile    // nil: there is none
	swapped    chan struct{} // holds a value after a swap that watchFiles has not seen
	metrics    *prometheus.Registry

	uses       atomic.Int64      // requests in progress; negative: no more are accepted
	superseded atomic.Bool       // another one is current
	restart    atomic.Bool       // its websockets are closed with 1012
	references [sha256.Size]byte // see digestOf

	background        sync.WaitGroup
	backgroundContext context.Context
	stopBackground    context.CancelFunc // nil before watch
	stopGuest         func()             // ends following the guest's file, and waits; nil: it is not followed

	closeOnce sync.Once
	closeErr  error
}

// newGeneration makes the Host of c and the handlers of its urlconfs. before is the
// generation that it replaces; nil: it is the first.
func (s *Server) newGeneration(ctx context.Context, c edge.Config, o settings, parts *Parts, before *generation) (*generation, error) {
	g := &generation{
		common: &s.common, options: o, parts: parts, swapped: make(chan struct{}, 1), metrics: prometheus.NewRegistry(),
		core: core{log: s.log, cache: files.NewCache(o.Limits.FileCache)}, latencies: newLatencies(),
	}
	if before == nil {
		if err := s.openAccounts(&o); err != nil {
			return nil, err
		}
	}
	g.base, g.interrupt = context.WithCancel(s.base)
	if err := g.prepare(&c); err != nil {
		return nil, err
	}
	c.Websockets.Elsewhere = s.generations.websocketsBut(g)
	host, err := g.hostAfter(ctx, c, before)
	if err != nil {
		g.closeTracing()
		return nil, err
	}
	g.host, g.static, g.directory = host, c.GuestConfig.Tenants, c.Directory
	g.defaults, g.rooms = c.GuestConfig.Default, map[string]*hold.Room{}
	loaded := host.Stats()
	g.logReport("the guest is loaded", edge.Report{Guest: loaded.Guest, Engine: loaded.Engine, Missing: loaded.Missing})
	if err := g.newHandlers(); err != nil {
		return nil, errors.Join(err, g.close())
	}
	g.newMetrics()
	g.admin = s.newAdmin(g)
	return g, nil
}

// hostAfter makes the Host of a generation that replaces before; nil: none.
func (g *generation) hostAfter(ctx context.Context, c edge.Config, before *generation) (*edge.Host, error) {
	if before != nil {
		return g.takeOver(ctx, c, before)
	}
	g.audit.use(g.options.AuditLog)
	return g.newHost(ctx, c)
}

// prepare checks the settings, and completes the configuration of the Host.
func (g *generation) prepare(c *edge.Config) (err error) {
	o := &g.options
	if err = errors.Join(checkAdmin(o), checkAuditLog(o.AuditLog)); err != nil {
		return err
	}
	if g.signatures, err = newSignatures(o.Trust, g.log, &g.unsigned); err != nil {
		return err
	}
	g.bounds = newBounds(o.Limits.Connections, o.Limits.TenantRequests, c.Websockets.Limits.Connections, descriptors())
	c.Websockets.Limits.Descriptors = g.bounds.websockets
	c.Refused = g.refused
	c.Routed = noteTenant
	c.Websockets.Routed = func(r *http.Request) { attemptOf(r.Context()).released() }
	c.Websockets.PassOn = g.passesOn
	if g.accounts != nil {
		c.Websockets.Meter = g.meterOf
	}
	if g.measuresCost() {
		c.Cost = g.costOf
		c.Websockets.Accepted = g.accepted
		c.Websockets.Answered = func(r *http.Request, took time.Duration) { g.answered(r, nil, took) }
	}
	if c.Logger == nil {
		c.Logger = g.log
	}
	if o.Media != nil {
		c.Files = g.openMedia
	}
	if err := g.openTracing(c); err != nil {
		return err
	}
	if o.Configure != nil {
		o.Configure(c)
	}
	return nil
}

// newHandlers makes the handlers of requests and of other servers' questions.
func (g *generation) newHandlers() (err error) {
	if g.table, err = g.newTable(); err != nil {
		return err
	}
	if err := g.newDeciders(); err != nil {
		return err
	}
	var routed http.Handler = g.table
	if g.options.Within != nil {
		routed = g.options.Within(routed)
	}
	handler := g.rerouted(g.host.Middleware(routed))
	if g.options.Around != nil {
		handler = g.options.Around(handler)
	}
	g.handler = g.entry(g.paced(handler), g.tracer)
	g.files = g.entry(g.paced(http.HandlerFunc(g.table.serveFile)), nil)
	return nil
}

// entry is the first handler. It measures, traces and logs requests, and counts the use
// of tenants. tracer may be nil.
func (g *generation) entry(next http.Handler, tracer *tracing.Tracer) http.Handler {
	next = g.observe(next, tracer)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
			// The request may have had a Content-Length too, which net/http removes.
			// RFC 9112, 6.1, requires closing the connection then.
			w.Header().Set("Connection", "close")
			w = &closing{ResponseWriter: w}
		}
		next.ServeHTTP(w, errorpage.With(r, g.table.pages))
	})
}

// noMore is what uses is set to when no more requests are accepted.
const noMore = math.MinInt64 / 2

// enter counts a request in progress. It reports false if no more are accepted: then
// another generation is current.
func (g *generation) enter() bool {
	if g.uses.Add(1) > 0 {
		return true
	}
	g.uses.Add(-1)
	return false
}

// leave uncounts a request in progress.
func (g *generation) leave() { g.uses.Add(-1) }

// requests returns the number of requests in progress.
func (g *generation) requests() int64 { return max(g.uses.Load(), 0) }

// openWebsockets returns how many websockets are open that the generation has opened.
func (g *generation) openWebsockets() int {
	open, _ := g.host.OpenWebsockets()
	return open + g.passingWebsockets()
}

// retirePause is the pause between two looks at a generation that has been replaced.
const retirePause = 100 * time.Millisecond

// looksForRemoved is the number of looks after which one is also for the websockets of
// removed tenants, which W4 closes within five seconds.
const looksForRemoved = 10

// idle waits until the requests and the websockets of a superseded generation have
// ended. It closes the websockets of tenants that the current one does not have. It
// reports false if ctx ends first.
func (g *generation) idle(ctx context.Context, current func() *generation) bool {
	over := false // no request is left that could open a websocket
	for look := 0; ; look++ {
		if over = over || g.uses.CompareAndSwap(0, noMore); over && g.openWebsockets() == 0 {
			return true
		}
		switch {
		case g.restart.Load():
			g.restartWebsockets()
		case look%looksForRemoved == 0:
			g.closeRemovedIn(current().host)
		}
		if !sleep(ctx, retirePause) {
			return false
		}
	}
}

// closeRemovedIn closes the websockets of tenants that the Host of another generation
// does not have.
func (g *generation) closeRemovedIn(host *edge.Host) {
	g.host.CloseRemovedWebsockets(host)
	for _, p := range g.proxies {
		p.CloseRemoved(host.HasTenant)
	}
}

// restartWebsockets closes the open websockets. Clients connect again, to the current
// generation.
func (g *generation) restartWebsockets() {
	g.host.RestartWebsockets()
	for _, p := range g.proxies {
		p.EndWebsockets()
	}
}

// close closes everything that the generation has opened. Open requests are
// interrupted.
func (g *generation) close() error {
	g.closeOnce.Do(func() { g.closeErr = g.closeNow() })
	return g.closeErr
}

func (g *generation) closeNow() error {
	g.interrupt()
	g.closeRooms()
	if g.stopBackground != nil {
		g.stopBackground()
		g.background.Wait()
	}
	var errs []error
	if g.table != nil {
		errs = append(errs, g.table.close())
	}
	if g.host != nil {
		errs = append(errs, g.host.Close())
	}
	if g.parts != nil {
		errs = append(errs, g.parts.Close())
	}
	g.closeTracing()
	return errors.Join(errs...)
}

// registries returns those with the figures of g and of the services that it uses.
func (g *generation) registries() []*prometheus.Registry {
	all := []*prometheus.Registry{g.metrics}
	if g.parts != nil {
		all = append(all, g.parts.rows.metrics)
		if g.parts.reader != nil {
			all = append(all, g.parts.reader.metrics)
		}
	}
	return all
}
