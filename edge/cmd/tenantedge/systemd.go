package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/tenantedge/tenantedge/edge/serve"
)

// supervisor reports the state of the process to systemd. Without systemd it does
// nothing.
type supervisor struct{ log *slog.Logger }

// notify sends lines such as READY=1 to systemd.
func (p supervisor) notify(lines string) {
	if _, err := daemon.SdNotify(false, lines); err != nil {
		p.log.Warn("cannot report to systemd; is NotifyAccess of the unit main?", "error", err)
	}
}

func (p supervisor) starting() {
	p.notify(statusLine("Loading the guest and the directory"))
}

// serving reports that the listeners are open, and from then on, until ctx ends,
// that the Server works.
func (p supervisor) serving(ctx context.Context, s *serve.Server) {
	p.notify(daemon.SdNotifyReady + "\n" + status(s))
	within, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		p.log.Warn("cannot read the time of systemd's watchdog", "error", err)
	}
	if within > 0 {
		go p.watch(ctx, s, within/2)
	}
}

// watch pings systemd's watchdog while s is alive.
func (p supervisor) watch(ctx context.Context, s *serve.Server, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		limited, cancel := context.WithTimeout(ctx, every/2)
		err := s.Alive(limited, every)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.log.Error("the self-check failed; systemd restarts the edge if it does not recover", "error", err)
			p.notify(statusLine("The self-check failed: " + err.Error()))
		default:
			p.notify(daemon.SdNotifyWatchdog + "\n" + status(s))
		}
	}
}

// reloading reports the beginning of a reload. The caller calls done at its end.
func (p supervisor) reloading(s *serve.Server) (done func()) {
	p.notify(daemon.SdNotifyMonotonicUsec() + daemon.SdNotifyReloading + "\nSTATUS=Reloading")
	return func() { p.notify(daemon.SdNotifyReady + "\n" + status(s)) }
}

func (p supervisor) stopping() {
	p.notify(daemon.SdNotifyStopping + "\nSTATUS=Shutting down; open requests are answered")
}

// statusLine returns a line with a status. In text with further lines, a guest that has
// such a name could send WATCHDOG=trigger or MAINPID=1.
func statusLine(text string) string { return "STATUS=" + inLine(text) }

// status returns the line that describes s.
func status(s *serve.Server) string {
	r := s.Readiness()
	tenants := "static tenants only"
	if r.Directory != nil {
		tenants = plural(r.Directory.Tenants, "tenant") + " in the directory"
		if r.Directory.Degraded != "" {
			tenants += ", which may be out of date"
		}
	}
	return statusLine(fmt.Sprintf("Serving; %s, %s in progress, guest %s", tenants, plural(int(r.Requests), "request"), r.Guest.Name))
}
