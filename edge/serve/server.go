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
//   - [Open] opens directory, sessions, queries and channel layer for a Host that
//     the caller makes.
//   - [NewMedia] serves and stores the files of tenants for any Host.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/internal/hold"
	"github.com/tenantedge/tenantedge/edge/metrics"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// settings are those of the file and of the Options, without the Host's
// configuration.
type settings struct {
	URLConfs    map[string]config.URLConf
	Fallback    string                                                 // urlconf of requests without a tenant; empty: 404
	Media       *config.Media                                          // nil: tenants have no files
	OpenBucket  func(*config.S3, disk.Config) (storage.Storage, error) // in tests
	SigningKeys []storage.Key
	Listeners   []config.Listener
	Own         []net.Listener // the embedder's, in place of Listeners
	Decide      []config.Decide
	Admin       string   // address; empty: no admin listener
	AdminHosts  []string // further host names, without ports, of the admin listener
	AdminTLS    []config.Certificate
	AdminTokens []adminToken // empty: /guest is not served
	AuditLog    string       // file; empty: none
	Trust       config.Guest // the keys that verify guests
	GuestFile   string       // watched; read at the start unless edge.Config.Guest is set; empty: none
	Signature   string       // file with the signature of GuestFile
	LastGood    string       // file that keeps the last good guest of GuestFile; empty: none
	Around      func(http.Handler) http.Handler
	Within      func(http.Handler) http.Handler
	Configure   func(*edge.Config)
	Limits      config.Limits
	AccessLog   bool
	LogCost     bool
	// ServerTiming is that of config.File.
	ServerTiming string
	Directory    func() tenantdb.Stats // nil: there are only static tenants
	Force        <-chan struct{}
	Ready        func(*Server)
	Logger       *slog.Logger
}

// Server serves the requests of tenants. Either call Run, or call Start and use
// the Server as an http.Handler.
type Server struct {
	options settings
	parts   *Parts  // nil in tests
	warner  *warner // nil in tests
	core
	media   *store // nil: tenants have no files
	table   *table
	handler http.Handler
	files   http.Handler // of ServeFile
	admin   *http.Server
	servers []*http.Server

	proxies        []*proxy
	defaults       *abi.DefaultTenant    // nil: there are only static tenants
	rooms          map[string]*hold.Room // by the name of the urlconf
	clientFailures clientFailures

	bounds      bounds
	connections *connections
	shares      *shares
	slow        struct{ body, answer atomic.Uint64 } // clients disconnected because they were too slow

	signatures *signatures
	audit      *auditLog
	guesses    guesses
	denied     *prometheus.CounterVec // requests on the admin listener, by outcome

	guestFile *guestFile    // nil: there is none
	swapped   chan struct{} // holds a value after a swap that watchFiles has not seen
	metrics   *prometheus.Registry

	adminListener net.Listener
	listeners     []net.Listener // those for clients, then those of deciders
	public        int            // number of listeners for clients
	deciders      []*decider

	serving  atomic.Bool // requests are accepted
	draining atomic.Bool // the shutdown has begun
	requests atomic.Int64

	background        sync.WaitGroup
	backgroundContext context.Context
	stopBackground    context.CancelFunc // nil before Start

	closeOnce sync.Once
	closeErr  error
}

// New makes a Server from file. It checks and opens the parts of the file as Open
// does, and opens the folders of files. It does not connect to servers, load
// tenants or open listeners. Errors about the file are *config.Error, joined. The
// caller must close the Server.
func New(ctx context.Context, file *config.File, o Options) (*Server, error) {
	handlers := slices.Sorted(maps.Keys(o.Handlers))
	if err := errors.Join(file.CheckServe(handlers...), file.CheckEnvironment()); err != nil {
		return nil, err
	}
	parts, err := open(file, o)
	if err != nil {
		return nil, locate(file, err)
	}
	s, err := parts.newServer(ctx, o)
	if err != nil {
		return nil, locate(file, errors.Join(err, parts.Close()))
	}
	s.warner = &warner{file: file, log: s.log}
	m := metrics.Sources{Warnings: s.warner.counts}
	if parts.Source != nil {
		s.warner.directory = parts.Config.Directory
	}
	if parts.Sessions != nil {
		m.Sessions, m.SessionStore = parts.Sessions.Stats, parts.Sessions.StoreStats
	}
	s.metrics.MustRegister(metrics.New(m))
	s.parts = parts
	return s, nil
}

func (p *Parts) newServer(ctx context.Context, o Options) (*Server, error) {
	f := p.file
	tokens, err := adminTokens(f)
	keys, keysErr := signingKeys(f)
	if err := errors.Join(err, keysErr); err != nil {
		return nil, err
	}
	c := settings{
		URLConfs: f.URLConfs, Fallback: f.Fallback,
		Media: f.Media, SigningKeys: keys,
		Listeners: f.Listeners, Own: o.Listeners, Decide: f.Decide, Admin: f.Admin, AdminHosts: f.AdminHosts,
		AdminTLS: f.AdminTLS, AdminTokens: tokens, AuditLog: f.AuditLog, Trust: f.Guest,
		Limits: f.Limits, AccessLog: f.Logs.Access, LogCost: f.Logs.Cost, ServerTiming: f.ServerTiming, Logger: p.log,
		Around: o.Around, Within: o.Within, Configure: o.Configure, Force: o.Force, Ready: o.Ready,
	}
	if o.Guest == nil {
		c.GuestFile, c.Signature = f.Guest.Path, f.Guest.SignaturePath()
		c.LastGood = lastGoodPath(f.Guest, p.Config.CompileCache)
	}
	if p.Source != nil {
		c.Directory = p.Config.Directory.Stats
	}
	host := p.Config
	host.Recording = f.Recording()
	return newServer(ctx, host, c)
}

// newServer makes the Host of c and the handlers of its urlconfs.
func newServer(ctx context.Context, c edge.Config, o settings) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	s := &Server{options: o, core: core{log: o.Logger, cache: files.NewCache(o.Limits.FileCache)}, swapped: make(chan struct{}, 1)}
	s.base, s.interrupt = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.prepareAdmin(); err != nil {
		return nil, err
	}
	limits := o.Limits
	s.bounds = newBounds(limits.Connections, limits.TenantRequests, c.Websockets.Limits.Connections, descriptors())
	c.Websockets.Limits.Descriptors = s.bounds.websockets
	sockets := &usage{measure: s.websocketUsage}
	s.connections = newConnections(s.bounds.connections, sockets, s.log)
	s.shares = newShares(s.bounds.connections, s.bounds.share, sockets)
	c.Refused = s.refused
	c.Websockets.Routed = func(r *http.Request) {
		attemptOf(r.Context()).released()
		if t, ok := tenant.From(r.Context()); ok {
			noteTenant(r.Context(), t)
		}
	}
	c.Websockets.PassOn = s.passesOn
	if s.measuresCost() {
		c.Cost = costOf
		c.Websockets.Accepted = s.accepted
		c.Websockets.Answered = func(r *http.Request, took time.Duration) { s.answered(r, nil, took) }
	}
	if c.Logger == nil {
		c.Logger = o.Logger
	}
	if o.Media != nil {
		c.Files = s.openMedia
	}
	if o.Configure != nil {
		o.Configure(&c)
	}
	host, err := s.newHost(ctx, c)
	if err != nil {
		return nil, err
	}
	s.host, s.static, s.directory = host, c.GuestConfig.Tenants, c.Directory
	s.defaults, s.rooms = c.GuestConfig.Default, map[string]*hold.Room{}
	loaded := host.Stats()
	s.logReport("the guest is loaded", edge.Report{Guest: loaded.Guest, Engine: loaded.Engine, Missing: loaded.Missing})
	s.newMetrics()
	s.table, err = s.newTable()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.newDeciders(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.hasBucket() {
		s.metrics.MustRegister(s.newBucketGauge())
	}
	var routed http.Handler = s.table
	if o.Within != nil {
		routed = o.Within(routed)
	}
	handler := s.rerouted(host.Middleware(routed))
	if o.Around != nil {
		handler = o.Around(handler)
	}
	s.handler = s.entry(s.paced(handler))
	s.files = s.entry(s.paced(http.HandlerFunc(s.table.serveFile)))
	return s, nil
}

// Host returns the Host that routes the requests.
func (s *Server) Host() *edge.Host { return s.host }

// Parts returns the services that the Server uses. Close closes them.
func (s *Server) Parts() *Parts { return s.parts }

// ServeHTTP routes a request and serves it with the urlconf of its tenant.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

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
	s.interrupt()
	s.closeRooms()
	if s.stopBackground != nil {
		s.stopBackground()
		s.background.Wait()
	}
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, unlessClosed(l.Close()))
	}
	if s.adminListener != nil {
		errs = append(errs, unlessClosed(s.adminListener.Close()))
	}
	for _, srv := range s.servers {
		errs = append(errs, unlessClosed(srv.Close()))
	}
	if s.admin != nil {
		errs = append(errs, unlessClosed(s.admin.Close()))
	}
	if s.table != nil {
		errs = append(errs, s.table.close())
	}
	if s.host != nil {
		errs = append(errs, s.host.Close())
	}
	if s.parts != nil {
		errs = append(errs, s.parts.Close())
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

// entry is the first handler. It counts open requests and writes the access log.
func (s *Server) entry(next http.Handler) http.Handler {
	if s.options.AccessLog || s.timing() {
		next = s.noted(next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		defer s.requests.Add(-1)
		if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
			// The request may have had a Content-Length too, which net/http removes.
			// RFC 9112, 6.1, requires closing the connection then.
			w.Header().Set("Connection", "close")
			w = &closing{ResponseWriter: w}
		}
		next.ServeHTTP(w, r)
	})
}

func errorf(format string, args ...any) error { return fmt.Errorf("serve: "+format, args...) }
