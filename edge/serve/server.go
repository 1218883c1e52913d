// Package serve runs an edge from a configuration file, as `tenantedge serve`
// does.
//
//	file, err := config.Load("tenantedge.yaml")
//	if err != nil {
//		return err
//	}
//	return serve.Run(ctx, file, serve.Options{}) // until ctx ends and the last request is answered
//
// Its parts can be used separately:
//   - [New] and [Server.Start] make an http.Handler without listeners.
//   - [Server.Reload] replaces the configuration while requests are served, and
//     [Server.Follow] does that when its file changes.
//   - [Open] opens directory, sessions, queries and channel layer for a Host that
//     the caller makes.
//   - [NewMedia] serves and stores the files of tenants for any Host.
package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/accounting"
	"github.com/tenantedge/tenantedge/edge/internal/console"
	"github.com/tenantedge/tenantedge/edge/internal/uploads"
	"github.com/tenantedge/tenantedge/edge/metrics"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// settings are those of the file and of the Options, without the Host's
// configuration.
type settings struct {
	URLConfs    map[string]config.URLConf
	Fallback    string                                                 // urlconf of requests without a tenant; empty: 404
	ErrorPages  map[string]string                                      // files of the edge's own error pages
	Media       *config.Media                                          // nil: tenants have no files
	OpenBucket  func(*config.S3, disk.Config) (storage.Storage, error) // in tests
	SigningKeys []storage.Key
	Listeners   []config.Listener
	Own         []net.Listener // the embedder's, in place of Listeners
	Decide      []config.Decide
	Admin       string   // address; empty: no admin listener
	AdminHosts  []string // further host names, without ports, of the admin listener
	AdminTLS    []config.Certificate
	AdminTokens []adminToken   // empty: /guest is not served
	AuditLog    string         // file; empty: none
	Trust       config.Guest   // the keys that verify guests
	GuestFile   string         // watched; read at the start unless edge.Config.Guest is set; empty: none
	Signature   string         // file with the signature of GuestFile
	Registry    *guestRegistry // of GuestFile; nil: that is not a reference
	LastGood    string         // file that keeps the last good guest of GuestFile; empty: none
	Around      func(http.Handler) http.Handler
	Within      func(http.Handler) http.Handler
	Configure   func(*edge.Config)
	Limits      config.Limits
	AccessLog   bool
	LogCost     bool
	Tracing     *config.Tracing // nil: requests are not traced
	// ServerTiming is that of config.File.
	ServerTiming string
	Usage        config.Usage
	Directory    func() tenantdb.Stats // nil: there are only static tenants
	Force        <-chan struct{}
	Ready        func(*Server)
	Logger       *slog.Logger
}

// Server serves the requests of tenants. Either call Run, or call Start and use
// the Server as an http.Handler. Reload gives it another configuration meanwhile.
type Server struct {
	common
	with  Options
	first *config.File // the configuration at the start; nil in tests
	log   *slog.Logger

	current     atomic.Pointer[generation]
	generations generations // the current one, and those whose requests or websockets have not ended

	ports    ports
	metrics  *prometheus.Registry
	guesses  guesses
	denied   *prometheus.CounterVec // requests on the admin listener, by outcome
	reloads  *reloads
	shelf    shelf
	ring     *console.Ring // the end of the log, for the console; nil in tests
	console  consoleOnce
	changing sync.Mutex // held while guests or the configuration are exchanged
	counting sync.Once  // starts to close the windows of accounts

	serving  atomic.Bool // requests are accepted
	draining atomic.Bool // the shutdown has begun

	base      context.Context    // of all requests
	interrupt context.CancelFunc // ends base: open requests are interrupted
	started   context.Context    // that of Run or Start; nil before
	retiring  sync.WaitGroup     // goroutines that close generations

	closeOnce sync.Once
	closeErr  error
}

// common is what counts over all configurations of a Server.
type common struct {
	connections    *connections // of clients
	asking         *connections // of servers that ask for decisions
	shares         *shares
	clientFailures clientFailures
	slow           struct{ body, answer atomic.Uint64 } // clients disconnected because they were too slow
	audit          *auditLog
	unsigned       atomic.Uint64 // guests that were refused for their signature
	channels       layers
	busy           uploads.Busy // uploads that requests have open
	ledger         *ledger
	fleet          *fleetNode         // nil: the edge is in no fleet
	accounts       *accounting.Ledger // nil: the use of tenants is not counted
}

// New makes a Server from file. It checks and opens the parts of the file as Open
// does, and opens the folders of files. It does not connect to servers, load
// tenants or open listeners. Errors about the file are *config.Error, joined. The
// caller must close the Server.
func New(ctx context.Context, file *config.File, o Options) (*Server, error) {
	if err := check(file, o); err != nil {
		return nil, err
	}
	ring := console.NewRing()
	o.Logger = ring.Logger(o.Logger)
	s, references := newShell(ctx, o), digestOf(file)
	s.ring = ring
	parts, err := s.open(file, nil)
	if err != nil {
		return nil, locate(file, err)
	}
	if err = parts.openRegistry(ctx, o, nil); err == nil {
		s.fleet, err = s.newFleetNode(file, parts.Config.CompileCache)
	}
	var g *generation
	if err == nil {
		g, err = s.configure(ctx, parts, nil)
	}
	if err != nil {
		return nil, locate(file, errors.Join(err, parts.Close(), s.fleet.close()))
	}
	g.references, s.first = references, file
	s.install(g)
	return s, nil
}

// check checks file as far as that is possible without opening anything.
func check(file *config.File, o Options) error {
	handlers := slices.Sorted(maps.Keys(o.Handlers))
	return errors.Join(file.CheckServe(handlers...), file.CheckEnvironment())
}

// newShell makes a Server without a configuration.
func newShell(ctx context.Context, o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	s := &Server{with: o, log: o.Logger, ports: ports{failed: make(chan error, 1), inherited: inherited{files: o.Sockets}}, reloads: newReloads()}
	s.ledger = newLedger()
	s.base, s.interrupt = context.WithCancel(context.WithoutCancel(ctx))
	sockets := &usage{measure: s.websocketUsage}
	s.connections, s.shares = newConnections(sockets, s.log), newShares(sockets)
	s.asking = newConnections(&usage{measure: func() (int, int) { return 0, 0 }}, s.log)
	s.asking.setLimit(math.MaxInt) // a few servers ask
	s.audit = newAuditLog(s.log)
	s.newMetrics()
	return s
}

// now returns the current generation.
func (s *Server) now() *generation { return s.current.Load() }

// open opens the parts of a file, which shares those of before that have not changed.
func (s *Server) open(file *config.File, before *Parts) (*Parts, error) {
	p, err := open(file, s.with, &s.common, before)
	if err != nil {
		return nil, err
	}
	if err := p.openMemory(cmp.Or(before, &Parts{})); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// configure makes a generation of parts, which replaces before; nil: none. The
// generation closes the parts.
func (s *Server) configure(ctx context.Context, p *Parts, before *generation) (*generation, error) {
	o, err := p.settings(s.with)
	if err != nil {
		return nil, err
	}
	host := p.Config
	host.Recording = p.file.Recording()
	w := &warner{file: p.file, log: s.log}
	if p.Source != nil {
		w.directory = p.Config.Directory
	}
	g, err := s.newGeneration(ctx, host, o, p, before)
	if err != nil {
		return nil, err
	}
	g.warner = w
	g.metrics.MustRegister(metrics.New(metrics.Sources{Warnings: w.counts}))
	return g, nil
}

// settings returns what the file and the Options say besides the Host's configuration.
func (p *Parts) settings(o Options) (settings, error) {
	f := p.file
	tokens, err := adminTokens(f)
	keys, keysErr := signingKeys(f)
	if err := errors.Join(err, keysErr); err != nil {
		return settings{}, err
	}
	c := settings{
		URLConfs: f.URLConfs, Fallback: f.Fallback,
		ErrorPages: f.ErrorPages, Media: f.Media, SigningKeys: keys,
		Listeners: f.Listeners, Own: o.Listeners, Decide: f.Decide, Admin: f.Admin, AdminHosts: f.AdminHosts,
		AdminTLS: f.AdminTLS, AdminTokens: tokens, AuditLog: f.AuditLog, Trust: f.Guest,
		Limits: f.Limits, AccessLog: f.Logs.Access, LogCost: f.Logs.Cost, Tracing: f.Tracing, ServerTiming: f.ServerTiming, Usage: f.Usage,
		Around: o.Around, Within: o.Within, Configure: o.Configure,
	}
	if o.Guest == nil {
		c.GuestFile, c.Signature = f.Guest.Path, f.Guest.SignaturePath()
		c.LastGood, c.Registry = lastGoodPath(f.Guest, p.Config.CompileCache), p.registry
	}
	if p.Source != nil {
		c.Directory = p.Config.Directory.Stats
	}
	return c, nil
}

// newServer makes a Server of the Host's configuration and settings, for tests. It
// cannot reload.
func newServer(ctx context.Context, c edge.Config, o settings) (*Server, error) {
	s := newShell(ctx, Options{Logger: o.Logger, Force: o.Force, Ready: o.Ready})
	g, err := s.newGeneration(ctx, c, o, nil, nil)
	if err != nil {
		return nil, err
	}
	s.install(g)
	return s, nil
}

// install makes g the current generation.
func (s *Server) install(g *generation) {
	s.audit.use(g.options.AuditLog)
	s.connections.setLimit(g.bounds.connections)
	s.shares.setLimits(g.bounds.connections, g.bounds.share)
	s.generations.add(g)
	s.ledger.add(g.metrics)
	s.ledger.current(g.registries()...)
	s.current.Store(g)
}

// Host returns the Host that routes the requests. A Reload makes another one.
func (s *Server) Host() *edge.Host { return s.now().host }

// Parts returns the services that the Server uses. Close closes them. After a Reload
// they are others.
func (s *Server) Parts() *Parts { return s.now().parts }

// ServeHTTP routes a request and serves it with the urlconf of its tenant.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g := s.enter()
	defer g.leave()
	if s.draining.Load() {
		w = &closing{ResponseWriter: w} // the next request goes to another process
	}
	g.handler.ServeHTTP(w, r)
}

// enter returns the current generation, which is not closed before leave.
func (s *Server) enter() *generation {
	for {
		if g := s.now(); g.enter() {
			return g
		}
	}
}

// ServeFile serves a request for a file of its tenant, which the Host's Middleware
// has routed. It reports false if the request is for none: if the urlconf of the
// tenant has no media, or the path is not below media.base_url. Then it has not
// answered it. It is for servers that serve the rest of the urlconf themselves.
func (s *Server) ServeFile(w http.ResponseWriter, r *http.Request) bool {
	g := s.enter()
	defer g.leave()
	return g.serveFile(w, r)
}

// CheckTenants checks that no two tenants share files. Start does so too; it is
// for programs that load Parts themselves. The error names the tenants that
// would share a folder or have none.
func (s *Server) CheckTenants(ctx context.Context) error { return s.now().checkTenants(ctx) }

// Shutdown closes websockets with 1001 and waits until that is done or ctx ends. It
// is for a Server that is used as a handler, before Close; Run does it itself. No
// further requests may arrive.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	return s.drain(ctx)
}

// Close closes everything that the Server has opened. Open requests are
// interrupted: Run has waited for them already.
func (s *Server) Close() error {
	s.closeOnce.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Server) close() error {
	s.reloads.stop()
	s.interrupt()
	s.closeConsole()
	s.retiring.Wait()
	errs := []error{s.fleet.close(), s.ports.close()}
	for _, g := range s.generations.all() {
		errs = append(errs, g.close())
	}
	if s.accounts != nil {
		errs = append(errs, s.accounts.Close()) // after the websockets of the generations
	}
	return errors.Join(errs...)
}

// unlessClosed returns err, or nil if err is that something is closed already.
func unlessClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func errorf(format string, args ...any) error { return fmt.Errorf("serve: "+format, args...) }
