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
// close, idle connections get limits.shutdown_linger for one more request,
// websockets are closed with 1001, and open requests are answered.
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
	if s.with.Ready != nil {
		s.with.Ready(s)
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
	if err := s.reloads.begin(ctx); err != nil { // a reload waits until the first configuration serves
		return err
	}
	defer s.reloads.done()
	g := s.now()
	if err := g.load(ctx); err != nil {
		return err
	}
	if err := g.checkFiles(ctx); err != nil {
		return fmt.Errorf("media: %w", err)
	}
	var changed <-chan struct{}
	if g.warner.directory != nil {
		changed = g.warner.directory.Changed()
	}
	g.warner.check()
	s.watch(ctx, g)
	g.follow(changed)
	s.fleet.start(ctx)
	s.started = ctx
	return nil
}

// follow follows the directory. changed is a channel of Directory.Changed from before
// the warnings were last checked; nil: there is no directory.
func (g *generation) follow(changed <-chan struct{}) {
	if g.parts.Source == nil {
		return
	}
	g.run(func(ctx context.Context) { g.warner.follow(ctx, changed) })
	g.parts.rows.value.follow(g.log)
}

// load fills the directory. It retries a database, which may come back, but not
// a file.
func (g *generation) load(ctx context.Context) error {
	const longest = 15 * time.Second
	for wait := 500 * time.Millisecond; ; wait = min(2*wait, longest) {
		err := g.parts.Load(ctx)
		if err == nil || ctx.Err() != nil || g.parts.rows.value.db == nil {
			return err
		}
		g.log.Error("cannot load the directory; nothing is served until it is loaded", "error", err, "retry_in", wait.String())
		if !sleep(ctx, wait) {
			return errors.Join(err, ctx.Err())
		}
	}
}

// watch starts the background work of g that does not need the directory's source.
func (s *Server) watch(ctx context.Context, g *generation) {
	background, cancel := context.WithCancel(ctx)
	g.stopBackground = cancel
	g.backgroundContext = background
	g.run(func(context.Context) { returnMemory() })
	if s.accounts != nil {
		s.counting.Do(func() { s.retiring.Go(func() { s.accounts.Run(s.base) }) })
	}
	if g.guestFile != nil {
		following, stop := context.WithCancel(background)
		g.stopGuest = stop
		g.run(func(context.Context) { s.followGuest(following, g) })
	}
	if len(g.table.stores) > 0 {
		g.run(g.watchFiles)
	}
	if g.hasBucket() {
		g.run(g.watchBuckets)
	}
	if g.options.Directory != nil {
		g.run(g.closeRemoved)
	}
}

// run runs do in the background, which close waits for.
func (g *generation) run(do func(context.Context)) {
	g.background.Go(func() { do(g.backgroundContext) })
}

// listenAdmin opens the admin listener and serves on it. Run calls it before it
// loads the directory, so that probes get answers while the process starts.
func (s *Server) listenAdmin() error {
	if len(s.ports.addrs(forAdmin)) > 0 {
		return nil
	}
	g := s.now()
	wishes, err := s.adminWishes(g)
	return s.openPorts(g, wishes, err, forAdmin)
}

// listen opens the other listeners and serves on them.
func (s *Server) listen() error {
	g := s.now()
	wishes, err := s.wishes(g)
	if err := s.openPorts(g, wishes, err, forClients, forDeciders); err != nil {
		return err
	}
	s.ports.inherited.warnUnused(s.log)
	return nil
}

func (s *Server) openPorts(g *generation, wishes []wish, err error, kinds ...portKind) error {
	if err != nil {
		return err
	}
	c, err := s.ports.prepare(g.options, wishes, kinds...)
	if err == nil {
		c.apply(s.base)
	}
	return err
}

// serve serves until ctx ends.
func (s *Server) serve(ctx context.Context) error {
	s.serving.Store(true)
	g := s.now()
	s.log.Info("serving", "listeners", s.describe(), "admin", g.options.Admin, "guest", g.host.Stats().Guest.Name)
	for i, d := range g.deciders {
		s.log.Info("answering questions about requests", "address", s.DecideAddrs()[i].String(), "preset", d.config.Preset)
	}
	select {
	case <-ctx.Done():
		return s.shutdown()
	case err := <-s.ports.failed:
		return errors.Join(err, s.shutdown())
	}
}

func (s *Server) shutdown() error {
	s.draining.Store(true)
	s.reloads.stop()
	s.ports.stop()
	for _, g := range s.generations.all() {
		g.closeRooms()
	}
	began, timeout := time.Now(), s.now().options.Limits.ShutdownTimeout
	s.log.Info("shutting down", "requests", s.generations.requests(), "timeout", timeout.String())
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if s.with.Force != nil {
		go func() {
			select {
			case <-s.with.Force:
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
	left := s.generations.requests()
	s.interrupt()
	s.connections.interrupt()
	last, done := context.WithTimeout(context.Background(), interruptTime)
	defer done()
	_ = s.drain(last)
	for _, srv := range s.ports.servers(forClients, forDeciders) {
		_ = srv.Close() // closes the connections of the interrupted requests
	}
	return fmt.Errorf("%w: %d after %v", ErrInterrupted, left, time.Since(began).Round(time.Millisecond))
}

// drain closes websockets and other hijacked connections and waits for them and
// for all requests. It waits for the proxies last: once the servers have drained,
// no request can hijack a connection any more.
func (s *Server) drain(ctx context.Context) error {
	generations, servers := s.generations.all(), s.ports.servers(forClients, forDeciders)
	errs := make([]error, len(generations)+len(servers))
	lingering, settled := context.WithTimeout(ctx, s.now().options.Limits.ShutdownLinger)
	var all sync.WaitGroup
	all.Go(func() {
		s.linger(ctx)
		settled()
		for i, srv := range servers {
			all.Go(func() { errs[len(generations)+i] = drainServer(ctx, srv.Server) })
		}
	})
	<-lingering.Done() // until then, websockets are accepted too
	for i, g := range generations {
		all.Go(func() { errs[i] = g.host.Shutdown(ctx) })
		for _, p := range g.proxies {
			p.EndWebsockets()
		}
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, g := range generations {
		for _, p := range g.proxies {
			if err := p.Shutdown(ctx); err != nil {
				return err
			}
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
func (s *generation) closeRemoved(ctx context.Context) {
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
