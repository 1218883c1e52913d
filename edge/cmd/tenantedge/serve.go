package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/logs"
	"github.com/tenantedge/tenantedge/edge/metrics"
	"github.com/tenantedge/tenantedge/edge/serve"
)

func newServe() *cobra.Command {
	var path, listen string
	var demo bool
	c := &cobra.Command{
		Use:   "serve {--config FILE | --demo [--listen ADDRESS]}",
		Short: "Serve the tenants' requests",
		Long: text(`
			serve accepts requests on the configured listeners. The guest decides which tenant
			a request is for, and the tenant's urlconf how it is served: by an upstream, from
			the tenant's files, from a folder of files, or with a fixed reply. ws_urlconfs
			sends websockets to an upstream or to the guest.

			The admin listener (admin, default 127.0.0.1:8081) has the console for browsers at /,
			and answers /healthz, /readyz and, for Prometheus, /metrics. Commands such as top,
			usage and guest rollout ask it; those about the guest need an admin token in the
			configuration.

			SIGTERM or SIGINT begins a shutdown: /readyz answers 503, the listeners close,
			websockets are closed with 1001, and open requests may finish within
			limits.shutdown_timeout; the remaining ones get 503. A second signal interrupts
			them at once.

			The file guest.path is watched. A new guest is tried in a child process and then
			replaces the current one without failing a request. If it is refused, the error is
			logged and the current guest stays. With guest.trusted_keys, only guests that guest
			sign or minisign has signed are accepted.

			The configuration, and the certificates and secrets that it names, are read again
			when a file changes. The new configuration is checked and loaded completely before
			it replaces the current one; requests, connections and websockets go on. If it is
			refused, the error is logged, /readyz shows it, and the current one stays. SIGHUP
			reads the configuration and the guest at once.

			With systemd, serve reports its state (Type=notify), answers the watchdog, and uses
			sockets of a socket unit whose address or, as systemd:NAME, whose name a listener has.

			--demo serves five tenants with files and a small application, without a
			configuration, at port 8080 of this machine, or at one above if another program has
			it. --listen chooses an address: localhost:9000, or :9000 for all machines.
		`),
		Example: text(`
			  tenantedge serve --demo
			  tenantedge serve --demo --listen localhost:9000
			  tenantedge serve --config /etc/tenantedge.yaml
		`),
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if demo == (path != "") {
				return usagef("serve: expected either --config FILE or --demo")
			}
			if !demo && listen != "" {
				return usagef("serve: expected --listen with --demo; for a configuration, set listeners in it")
			}
			queueOutput(c)
			if demo {
				return serveDemo(c.Context(), listen, c.OutOrStdout(), c.ErrOrStderr())
			}
			file, err := loadConfig(path)
			if err != nil {
				return err
			}
			return serveFile(c.Context(), file, serve.Options{}, path, c.ErrOrStderr())
		},
	}
	configFlag(c, &path)
	c.Flags().BoolVar(&demo, "demo", false, "serve a demonstration without a configuration")
	c.Flags().StringVar(&listen, "listen", "", "`ADDRESS` of the demonstration; localhost for IPv4 and IPv6 of this machine")
	return c
}

// serveFile serves until ctx ends or a signal begins a shutdown. file is what path
// contains, which is followed; empty: only the guest's file is.
func serveFile(ctx context.Context, file *config.File, o serve.Options, path string, stderr io.Writer) error {
	o.Logger = newLogger(stderr, file.Logs)
	ctx, later, stop := untilSignal(ctx, o.Logger)
	defer stop()
	o.Force, o.Sockets = later.interrupt, activation.Files(true)
	systemd := supervisor{o.Logger}
	systemd.starting()
	o.Reloading = systemd.reloading
	ready := o.Ready
	o.Ready = func(s *serve.Server) {
		if ready != nil {
			ready(s)
		}
		systemd.serving(ctx, s)
		context.AfterFunc(ctx, systemd.stopping)
	}
	s, err := serve.New(ctx, file, o)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // the process ends
	if queue, ok := stderr.(*logs.Writer); ok {
		slog.SetDefault(o.Logger) // logs of libraries must not block either
		s.Metrics().MustRegister(metrics.New(metrics.Sources{LogsDropped: queue.Dropped}))
	}
	defer reloads(ctx, s, path, later.reload)()
	return s.Run(ctx)
}
