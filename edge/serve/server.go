// Package serve is the running part of tenantedge serve: listeners, the way of
// a request through the guest to what its urlconf serves, limits, and an end
// that cuts nobody off.
//
//	s, err := serve.New(ctx, edgeConfig, serve.Options{
//		URLConfs:  map[string]config.URLConf{"app.urls": {Upstream: upstream}},
//		Listeners: []config.Listener{{Address: ":8080"}},
//		Admin:     "127.0.0.1:8081",
//	})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	if err := errors.Join(s.ListenAdmin(), s.Listen()); err != nil {
//		return err
//	}
//	return s.Run(ctx) // until ctx ends and the last request is answered
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Options are the parts of a Server beside the Host.
type Options struct {
	// URLConfs says what serves each urlconf, as the configuration has it.
	URLConfs map[string]config.URLConf
	// Fallback names the urlconf for requests without a tenant; empty: 404.
	Fallback string
	// Media says where tenants' files are; nil: there are none.
	Media *config.Media
	// OpenBucket opens what Media.S3 names, with the limits of a storage and
	// without its location; nil: there is no bucket.
	OpenBucket func(*config.S3, disk.Config) (storage.Storage, error)
	// SigningKeys are the keys of signed URLs: the first one signs.
	SigningKeys []storage.Key
	// Listeners are where requests come in.
	Listeners []config.Listener
	// Admin is the loopback address of /healthz, /readyz and /metrics; empty:
	// nowhere.
	Admin string
	// AdminHosts are names, beside those of loopback and without ports, by which
	// requests may call the admin listener.
	AdminHosts []string
	// AdminToken lets its bearer swap the guest there; empty: nobody.
	AdminToken string
	// GuestFile is where the guest comes from; it is followed. Empty: nowhere. New
	// reads it unless the Host's configuration brings a guest.
	GuestFile string
	// KeptGuest is the file that keeps the last guest of GuestFile that was let
	// in, for a start whose guest is refused; empty: none is kept.
	KeptGuest string
	// Around wraps the handler of all requests; nil: nothing does.
	Around func(http.Handler) http.Handler
	// Limits bound time and size. ShutdownTimeout bounds the end.
	Limits config.Limits
	// AccessLog writes a line for every request.
	AccessLog bool
	// Directory says how the directory fares; nil: there are only static tenants.
	Directory func() tenantdb.Stats
	// Force ends the shutdown at once when it is closed; nil: only
	// ShutdownTimeout does.
	Force <-chan struct{}
	// Logger is told what goes wrong; nil: slog.Default.
	Logger *slog.Logger
}

// Server serves requests of tenants. Its methods are called in the order New,
// ListenAdmin, Listen, Run, Close; Close works after any of them, and twice.
type Server struct {
	options Options
	host    *edge.Host
	// What tenants there are.
	static    []edge.StaticTenant
	directory *tenantdb.Directory // nil: static ones alone
	log       *slog.Logger
	table     *table
	handler   http.Handler
	admin     *http.Server
	servers   []*http.Server

	proxies        []*proxy
	clientFailures clientFailures

	bounds      bounds
	connections *connections
	shares      *shares
	slow        struct{ body, answer atomic.Uint64 } // clients that were cut off

	guestFile *guestFile // nil: there is none
	metrics   *prometheus.Registry

	adminListener net.Listener
	listeners     []net.Listener

	serving  atomic.Bool // listeners are open
	draining atomic.Bool // the end has begun
	requests atomic.Int64

	// cut ends every request that still runs.
	base context.Context
	cut  context.CancelFunc

	closeOnce sync.Once
	closeErr  error
}

// New makes the Host of c and what its urlconfs serve. It opens the folders of
// files, and no socket.
func New(ctx context.Context, c edge.Config, o Options) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	s := &Server{options: o, log: o.Logger}
	s.base, s.cut = context.WithCancel(context.WithoutCancel(ctx))
	if err := checkAdmin(o.Admin); err != nil {
		return nil, err
	}
	limits := o.Limits
	s.bounds = newBounds(limits.Connections, limits.TenantRequests, c.Websockets.Limits.Connections, descriptors())
	c.Websockets.Limits.Descriptors = s.bounds.websockets
	sockets := &taken{ask: s.taken}
	s.connections = newConnections(s.bounds.connections, sockets, s.log)
	s.shares = newShares(s.bounds.connections, s.bounds.share, sockets)
	c.Refused = s.refused
	c.Websockets.Routed = func(r *http.Request) {
		if t, ok := tenant.From(r.Context()); ok {
			noteTenant(r.Context(), t)
		}
	}
	if c.Logger == nil {
		c.Logger = o.Logger
	}
	host, err := s.newHost(ctx, c)
	if err != nil {
		return nil, err
	}
	s.host, s.static, s.directory = host, c.Tenants, c.Directory
	s.logReport("the guest is loaded", host.Report())
	s.newMetrics()
	s.table, err = s.newTable()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.hasBucket() {
		s.metrics.MustRegister(s.newBucketGauge())
	}
	handler := host.Middleware(s.table)
	if o.Around != nil {
		handler = o.Around(handler)
	}
	s.handler = s.entry(s.paced(handler))
	return s, nil
}

// Host is the Host that decides.
func (s *Server) Host() *edge.Host { return s.host }

// ServeHTTP serves one request, as the listeners do.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close closes what New and Listen opened. Run has done the same for the
// listeners when it returns.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		s.cut()
		var errs []error
		for _, l := range s.listeners {
			errs = append(errs, closed(l.Close()))
		}
		if s.adminListener != nil {
			errs = append(errs, closed(s.adminListener.Close()))
		}
		for _, srv := range s.servers {
			errs = append(errs, closed(srv.Close()))
		}
		if s.admin != nil {
			errs = append(errs, closed(s.admin.Close()))
		}
		if s.table != nil {
			errs = append(errs, s.table.close())
		}
		if s.host != nil {
			errs = append(errs, s.host.Close())
		}
		s.closeErr = errors.Join(errs...)
	})
	return s.closeErr
}

// closed leaves out that something had been closed before.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// entry is the first handler: it counts requests, so that the end knows what
// it waits for, and notes them for the access log.
func (s *Server) entry(next http.Handler) http.Handler {
	if s.options.AccessLog {
		next = s.logged(next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		defer s.requests.Add(-1)
		if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
			// It may have had a Content-Length too, which net/http removes.
			w.Header().Set("Connection", "close")
			w = &closing{ResponseWriter: w}
		}
		next.ServeHTTP(w, r)
	})
}

func errorf(format string, args ...any) error { return fmt.Errorf("serve: "+format, args...) }
