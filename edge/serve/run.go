package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// ErrInterrupted is in the chain of the error of Run if requests were open after
// limits.shutdown_timeout and had to be interrupted.
var ErrInterrupted = errors.New("serve: requests were interrupted")

// interruptTime is how long interrupted requests without an answer have for a
// 503.
const interruptTime = time.Second

// Run serves file until ctx ends: New, Run and Close of a [Server].
func Run(ctx context.Context, file *config.File, o Options) error {
	s, err := New(ctx, file, o)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // every request is answered
	return s.Run(ctx)
}

// Run opens the admin listener, starts the Server, opens the listeners and
// serves until ctx ends. Then it shuts down: /readyz answers 503, the listeners
// close, websockets are closed with 1001, and open requests are answered.
// Requests that outlast limits.shutdown_timeout, or Options.Force, are
// interrupted, and Run returns ErrInterrupted.
func (s *Server) Run(ctx context.Context) error {
	if err := s.listenAdmin(); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // nothing was served yet
		}
		return err
	}
	if err := s.listen(); err != nil {
		return err
	}
	if s.options.Ready != nil {
		s.options.Ready(s)
	}
	return s.serve(ctx)
}

// Start prepares a Server for requests by ServeHTTP: it loads the directory,
// waiting for a database that is down, and checks that no two tenants share
// files. Until ctx ends or Close, it then follows the directory and the guest's
// file. Call it once; Run calls it itself.
func (s *Server) Start(ctx context.Context) error {
	err := s.start(ctx)
	s.serving.Store(err == nil)
	return err
}

func (s *Server) start(ctx context.Context) error {
	if err := s.load(ctx); err != nil {
		return err
	}
	if err := s.checkFiles(ctx); err != nil {
		return fmt.Errorf("media: %w", err)
	}
	var changed <-chan struct{}
	if s.warner.directory != nil {
		changed = s.warner.directory.Changed()
	}
	s.warner.check()
	s.watch(ctx)
	if s.parts.Source == nil {
		return nil
	}
	s.run(func(ctx context.Context) { s.warner.follow(ctx, changed) })
	s.run(func(ctx context.Context) {
		if err := s.parts.Source.Follow(ctx, s.parts.Config.Directory); err != nil && ctx.Err() == nil {
			s.log.Error("the directory is no longer updated", "error", err)
		}
	})
	return nil
}

// load fills the directory. It retries a database, which may come back, but not
// a file.
func (s *Server) load(ctx context.Context) error {
	const longest = 15 * time.Second
	for wait := 500 * time.Millisecond; ; wait = min(2*wait, longest) {
		err := s.parts.Load(ctx)
		if err == nil || ctx.Err() != nil || s.parts.db == nil {
			return err
		}
		s.log.Error("cannot load the directory; nothing is served until it is loaded", "error", err, "retry_in", wait.String())
		if !sleep(ctx, wait) {
			return errors.Join(err, ctx.Err())
		}
	}
}

// watch starts the background work that does not need the directory's source.
func (s *Server) watch(ctx context.Context) {
	background, cancel := context.WithCancel(ctx)
	s.stopBackground = cancel
	s.backgroundContext = background
	s.run(func(context.Context) { returnMemory() })
	if s.guestFile != nil {
		s.run(s.followGuest)
	}
	if len(s.table.stores) > 0 {
		s.run(s.watchFiles)
	}
	if s.hasBucket() {
		s.run(s.watchBuckets)
	}
	if s.options.Directory != nil {
		s.run(s.closeRemoved)
	}
}

// run runs do in the background, which Close waits for.
func (s *Server) run(do func(context.Context)) {
	s.background.Go(func() { do(s.backgroundContext) })
}

// serve serves on the listeners until ctx ends.
func (s *Server) serve(ctx context.Context) error {
	failed := make(chan error, len(s.servers))
	for i, srv := range s.servers {
		l := s.listeners[i]
		go func() {
			if err := unlessClosed(serveOn(srv, l)); err != nil {
				failed <- errorf("listener %s: %w", l.Addr(), err)
			}
		}()
	}
	s.serving.Store(true)
	s.log.Info("serving", "listeners", s.describe(), "admin", s.options.Admin, "guest", s.host.Stats().Guest.Name)
	for i, d := range s.deciders {
		s.log.Info("answering questions about requests", "address", s.DecideAddrs()[i].String(), "preset", d.config.Preset)
	}
	select {
	case <-ctx.Done():
		return s.shutdown()
	case err := <-failed:
		return errors.Join(err, s.shutdown())
	}
}

func (s *Server) shutdown() error {
	s.draining.Store(true)
	s.closeRooms()
	began := time.Now()
	s.log.Info("shutting down", "requests", s.requests.Load(), "timeout", s.options.Limits.ShutdownTimeout.String())
	ctx, cancel := context.WithTimeout(context.Background(), s.options.Limits.ShutdownTimeout)
	defer cancel()
	if s.options.Force != nil {
		go func() {
			select {
			case <-s.options.Force:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	err := s.drain(ctx)
	if err == nil {
		s.log.Info("shut down", "after", time.Since(began).Round(time.Millisecond).String())
		return nil
	}
	left := s.requests.Load()
	s.interrupt()
	s.connections.interrupt()
	last, done := context.WithTimeout(context.Background(), interruptTime)
	defer done()
	_ = s.drain(last)
	for _, srv := range s.servers {
		_ = srv.Close() // closes the connections of the interrupted requests
	}
	return fmt.Errorf("%w: %d after %v", ErrInterrupted, left, time.Since(began).Round(time.Millisecond))
}

// drain closes websockets and other hijacked connections and waits for them and
// for all requests. It waits for the proxies last: once the servers have drained,
// no request can hijack a connection any more.
func (s *Server) drain(ctx context.Context) error {
	errs := make([]error, len(s.servers)+1)
	var all sync.WaitGroup
	all.Go(func() { errs[len(s.servers)] = s.host.Shutdown(ctx) })
	for _, p := range s.proxies {
		p.EndWebsockets()
	}
	for i, srv := range s.servers {
		all.Go(func() { errs[i] = drainServer(ctx, srv) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, p := range s.proxies {
		if err := p.Shutdown(ctx); err != nil {
			return err
		}
	}
	return nil
}

// removedPause is the shortest time between two searches for websockets of
// removed tenants.
const removedPause = time.Second

// closeRemoved closes the websockets that pass through to applications when their
// tenant is removed from the directory (W4) or moved to another urlconf. The Host
// closes those that it serves.
func (s *Server) closeRemoved(ctx context.Context) {
	search := func() {
		for _, p := range s.proxies {
			p.CloseRemoved(s.host.HasTenant)
			p.CloseMoved(func(t *tenant.Tenant) bool { return s.host.HasTenant(t) && s.moved(t) })
		}
	}
	for next := s.directory.Changed(); ; {
		select {
		case <-next:
		case <-ctx.Done():
			return
		}
		next = s.directory.Changed()
		search()
		if !sleep(ctx, removedPause) {
			return
		}
		search() // for requests that were being routed during the first search
	}
}

func drainServer(ctx context.Context, srv *http.Server) error {
	srv.SetKeepAlivesEnabled(false)
	return srv.Shutdown(ctx)
}
