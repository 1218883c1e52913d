package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

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
			return serveFile(c.Context(), file, serve.Options{}, c.ErrOrStderr())
		},
	}
	configFlag(c, &path)
	c.Flags().BoolVar(&demo, "demo", false, "serve a demonstration, which needs no configuration")
	return c
}

// serveFile serves until ctx ends or a signal ends the process.
func serveFile(ctx context.Context, file *config.File, o serve.Options, stderr io.Writer) error {
	o.Logger = newLogger(stderr, file.Logs)
	ctx, orders, stop := untilSignal(ctx, o.Logger)
	defer stop()
	o.Force = orders.end
	s, err := serve.New(ctx, file, o)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // the process ends
	if queue, ok := stderr.(*logs.Writer); ok {
		slog.SetDefault(o.Logger) // logs of libraries must not block either
		s.Metrics().MustRegister(metrics.New(metrics.Sources{LogsDropped: queue.Dropped}))
	}
	defer reloads(ctx, s, orders.reload)()
	return s.Run(ctx)
}
