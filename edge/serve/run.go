package serve

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// ErrCutOff is in the chain of the error that Run returns when requests were
// still running at the end of the time that a shutdown has.
var ErrCutOff = errors.New("serve: requests were cut off")

// lookAgain is how often the directory is looked at for tenants that are gone.
const lookAgain = time.Second

// cutTime is how long requests that are cut off and have no answer yet have to
// get a 503.
const cutTime = time.Second

// Run serves until ctx ends, then shuts down: /readyz says so first, the
// listeners close, websockets are told 1001 at once, and requests that run are
// answered. What outlives Limits.ShutdownTimeout, or Options.Force, is cut off,
// and the error is ErrCutOff.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, len(s.servers))
	for i, srv := range s.servers {
		l := s.listeners[i]
		go func() {
			if err := closed(serve(srv, l)); err != nil {
				failed <- errorf("listener %s: %w", l.Addr(), err)
			}
		}()
	}
	if s.guestFile != nil {
		follow, stop := context.WithCancel(ctx)
		var followed sync.WaitGroup
		followed.Go(func() { s.followGuest(follow) })
		defer func() { stop(); followed.Wait() }()
	}
	go s.watchFiles(s.base)
	if s.hasBucket() {
		go s.watchBuckets(s.base)
	}
	if directory := s.options.Directory; directory != nil {
		tick := time.NewTicker(lookAgain)
		defer tick.Stop()
		follow, stop := context.WithCancel(ctx)
		defer stop()
		go s.closeRemoved(follow, tick.C, func() uint64 { return directory().Generation })
	}
	s.serving.Store(true)
	s.log.Info("serving", "listeners", s.describe(), "admin", s.options.Admin, "guest", s.host.Guest().Name)
	select {
	case <-ctx.Done():
		return s.shutdown()
	case err := <-failed:
		return errors.Join(err, s.shutdown())
	}
}

func (s *Server) shutdown() error {
	s.draining.Store(true)
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
	s.cut()
	s.connections.interrupt()
	last, done := context.WithTimeout(context.Background(), cutTime)
	defer done()
	_ = s.drain(last)
	for _, srv := range s.servers {
		_ = srv.Close() // its connections are what is cut off
	}
	return errorf("%w: %d after %v", ErrCutOff, left, time.Since(began).Round(time.Millisecond))
}

// drain ends websockets and whatever else was upgraded, and waits for them and
// for every request. Nothing that may be upgraded comes in any more when the
// servers have drained.
func (s *Server) drain(ctx context.Context) error {
	errs := make([]error, len(s.servers)+1)
	var all sync.WaitGroup
	all.Go(func() { errs[len(s.servers)] = s.host.ShutdownWebsockets(ctx) })
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

// closeRemoved closes the websockets that pass through to applications when their
// tenant is removed (W4). At each tick it looks whether the directory has changed.
// The Host closes the websockets that it serves.
func (s *Server) closeRemoved(ctx context.Context, tick <-chan time.Time, generation func() uint64) {
	seen, again := generation(), false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		now := generation()
		if now == seen && !again {
			continue
		}
		again = now != seen // once more, for those that were being routed
		seen = now
		for _, p := range s.proxies {
			p.CloseRemoved(s.host.Knows)
		}
	}
}

func drainServer(ctx context.Context, srv *http.Server) error {
	srv.SetKeepAlivesEnabled(false)
	return srv.Shutdown(ctx)
}
