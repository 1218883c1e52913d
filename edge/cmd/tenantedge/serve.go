package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/logs"
	"github.com/tenantedge/tenantedge/edge/metrics"
	"github.com/tenantedge/tenantedge/edge/serve"
)

func newServe() *cobra.Command {
	var path string
	var demo bool
	c := &cobra.Command{
		Use:   "serve {--config FILE | --demo}",
		Short: "Serve the tenants' requests",
		Long: text(`
			serve listens where the configuration says, lets the guest decide which tenant
			each request is for, and hands it to what its urlconf names: an upstream, the
			tenant's own files, a folder of files, or a fixed reply. Websockets go where
			ws_urlconfs sends them: to an upstream or to the guest.

			/healthz, /readyz and, for Prometheus, /metrics are answered on a listener of
			their own (admin, by default 127.0.0.1:8081). On SIGTERM or SIGINT /readyz says
			503, the listeners close, websockets are told 1001, and requests that run are
			answered for as long as limits.shutdown_timeout allows, then with 503; a second
			signal ends them at once.

			The guest's file (guest.path) is followed: a new guest is tried in a process of
			its own, then takes over without a request failing. What is wrong with it goes to
			the log, and the guest before runs on. SIGHUP reads the file again in any case.

			With --demo everything that is needed comes along: five tenants, their files and
			a small application.
		`),
		Example: text(`
			  tenantedge serve --demo
			  tenantedge serve --config /etc/tenantedge.yaml
		`),
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if demo == (path != "") {
				return usagef("serve: expected either --config FILE or --demo")
			}
			queueOutput(c)
			if demo {
				return serveDemo(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
			}
			file, err := loadConfig(path)
			if err != nil {
				return err
			}
			return serveFile(c.Context(), file, extras{}, c.ErrOrStderr())
		},
	}
	configFlag(c, &path)
	c.Flags().BoolVar(&demo, "demo", false, "serve a demonstration, which needs no configuration")
	return c
}

// extras are what a configuration cannot hold. The zero value is valid.
type extras struct {
	handlers map[string]edge.WebsocketHandler // that websocket routes may name
	around   func(http.Handler) http.Handler  // see serve.Options
	started  func(*serve.Server)              // is called when requests are let in
}

// serveFile serves until ctx ends or the process is asked to.
func serveFile(ctx context.Context, file *config.File, x extras, stderr io.Writer) error {
	if err := checkFile(file, x.handlers); err != nil {
		return err
	}
	log := newLogger(stderr, file.Logs)
	ctx, orders, stop := untilSignal(ctx, log)
	defer stop()
	w, err := prepare(ctx, file, x.handlers, log, func(_ *edge.Config, o *serve.Options) {
		o.Force, o.Around = orders.end, x.around
	})
	if err != nil {
		return placed(file, err)
	}
	defer func() { _ = w.close() }() // the process ends
	s := w.server
	warned := newWarner(file, w.wiring, log)
	sources := metrics.Sources{Warnings: warned.counts}
	if w.reader != nil {
		sources.Sessions, sources.SessionStore = w.reader.Stats, w.reader.StoreStats
	}
	if queue, ok := stderr.(*logs.Writer); ok {
		slog.SetDefault(log) // what libraries log must not wait either
		sources.LogsDropped = queue.Dropped
	}
	s.Metrics().MustRegister(metrics.New(sources))
	defer reloads(ctx, s, orders.reload)()
	if err := s.ListenAdmin(); err != nil {
		return err
	}
	if err := w.load(ctx, file.Directory.Source == "postgres", log); err != nil {
		if ctx.Err() != nil {
			return nil // it was told to end before it had begun
		}
		return err
	}
	if err := s.CheckFiles(ctx); err != nil {
		return fmt.Errorf("media: %w", err)
	}
	defer warned.follow(ctx)()
	if w.source != nil {
		followed := make(chan struct{})
		follow, cancel := context.WithCancel(ctx)
		go func() {
			defer close(followed)
			if err := w.source.Follow(follow, w.directory); err != nil && follow.Err() == nil {
				log.Error("the directory is no longer followed", "error", err)
			}
		}()
		defer func() { cancel(); <-followed }()
	}
	if err := s.Listen(); err != nil {
		return err
	}
	if x.started != nil {
		x.started(s)
	}
	return s.Run(ctx)
}

// load brings the first state into the directory. A database that is away may
// come back, so it is waited for; what is wrong with a file stays wrong.
func (w *wiring) load(ctx context.Context, retry bool, log *slog.Logger) error {
	if w.source == nil {
		return nil
	}
	const longest = 15 * time.Second
	for wait := 500 * time.Millisecond; ; wait = min(2*wait, longest) {
		err := w.source.Load(ctx, w.directory)
		if err == nil {
			return nil
		}
		if !retry || ctx.Err() != nil {
			return fmt.Errorf("directory: %w", err)
		}
		log.Error("the directory cannot be loaded; nothing is served before it is", "error", err, "retry_in", wait.String())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}
