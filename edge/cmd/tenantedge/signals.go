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

// laterSignals carries the signals after the one that begins a shutdown, and those
// that request a reload.
type laterSignals struct {
	interrupt <-chan struct{} // closed to interrupt open requests
	reload    <-chan struct{} // receives a value to read the configuration and the guest again
}

// untilSignal returns a context that ends with the first SIGINT or SIGTERM, and
// carries a second one and SIGHUP.
func untilSignal(ctx context.Context, log *slog.Logger) (context.Context, laterSignals, func()) {
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
					default: // a reload is pending
					}
					continue
				}
				if !first {
					close(force)
					return
				}
				first = false
				log.Info("shutting down; a second signal interrupts open requests", "signal", s.String())
				cancel()
			case <-done:
				return
			}
		}
	}()
	return ctx, laterSignals{force, reload}, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}

// reloads follows the configuration at path, and reads it and the guest's file for each
// value of requests, until ctx ends or stop is called. stop waits for the last read.
func reloads(ctx context.Context, s *serve.Server, path string, requests <-chan struct{}) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if path != "" {
			s.Follow(ctx, path, requests)
			return
		}
		for {
			select {
			case <-requests:
				s.ReloadGuest(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); running.Wait() }
}
