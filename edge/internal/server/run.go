package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// ErrCutOff is in the chain of the error that Run returns when requests were
// still running at the end of the time that a shutdown has.
var ErrCutOff = errors.New("server: requests were cut off")

// lookAgain is how often the directory is looked at for tenants that are gone.
const lookAgain = time.Second

// Run serves until ctx ends, then shuts down: /readyz says so first, the
// listeners close, requests that run are answered, and connections that were
// upgraded, which would never end by themselves, are closed after them. What
// outlives Limits.ShutdownTimeout, or Options.Force, is cut off, and the error
// is ErrCutOff.
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
		go s.upgrades.follow(tick.C, func() uint64 { return directory().Generation }, s.host.Knows)
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
	for _, srv := range s.servers {
		_ = srv.Close() // its connections are what is cut off
	}
	return errorf("%w: %d after %v", ErrCutOff, left, time.Since(began).Round(time.Millisecond))
}

// drain waits for every request, then for every websocket and whatever else was
// upgraded.
func (s *Server) drain(ctx context.Context) error {
	errs := make([]error, len(s.servers))
	var all sync.WaitGroup
	for i, srv := range s.servers {
		all.Go(func() { errs[i] = drainServer(ctx, srv) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	// Websockets end together, however they are served.
	relayed := make(chan error, 1)
	go func() { relayed <- s.upgrades.end(ctx) }()
	return errors.Join(s.host.ShutdownWebsockets(ctx), <-relayed)
}

func drainServer(ctx context.Context, srv *http.Server) error {
	srv.SetKeepAlivesEnabled(false)
	return srv.Shutdown(ctx)
}
