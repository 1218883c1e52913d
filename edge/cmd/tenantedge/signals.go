package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/tenantedge/tenantedge/edge/serve"
)

// orders are what signals ask for, beside the end.
type orders struct {
	end    <-chan struct{} // closed: at once
	reload <-chan struct{} // has one: read the guest's file again
}

// untilSignal returns a context that ends with the first SIGINT or SIGTERM,
// and what a second one, or SIGHUP, asks for.
func untilSignal(ctx context.Context, log *slog.Logger) (context.Context, orders, func()) {
	ctx, cancel := context.WithCancel(ctx)
	force, reload := make(chan struct{}), make(chan struct{}, 1)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for first := true; ; {
			select {
			case s := <-signals:
				if s == syscall.SIGHUP {
					select {
					case reload <- struct{}{}:
					default: // one is asked for already
					}
					continue
				}
				if !first {
					close(force)
					return
				}
				first = false
				log.Info("asked to end; once more ends it at once", "signal", s.String())
				cancel()
			case <-done:
				return
			}
		}
	}()
	return ctx, orders{force, reload}, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}

// reloads reads the guest's file whenever it is asked to, until ctx ends or
// the function that it returns is called, which waits for it.
func reloads(ctx context.Context, s *serve.Server, asked <-chan struct{}) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-asked:
				s.ReloadGuest(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); running.Wait() }
}
