package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/accesslog"
	"github.com/tenantedge/tenantedge/edge/internal/logs"
)

// newLogger returns a logger that writes text to a terminal and JSON elsewhere,
// unless c has a format.
func newLogger(w io.Writer, c config.Logs) *slog.Logger {
	format := func(to io.Writer) *slog.Logger {
		if c.Format == "text" || c.Format != "json" && isTerminal(w) {
			return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: c.Level}))
		}
		return slog.New(accesslog.NewJSONHandler(to, c.Level))
	}
	if queue, ok := w.(*logs.Writer); ok {
		queue.Note(func(dropped uint64) []byte {
			var line bytes.Buffer
			format(&line).Error("log lines were dropped because their reader was too slow", "lines", dropped)
			return line.Bytes()
		})
	}
	return format(w)
}

func isTerminal(w io.Writer) bool {
	if queue, ok := w.(*logs.Writer); ok {
		w = queue.Unwrap()
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// flushLogs limits how long the end of the process waits for the reader of its
// logs.
const flushLogs = time.Second

// queueOutput puts queues in front of the output of a command that serves.
// Otherwise a full pipe would block it, and a closed pipe would end it. run flushes
// the queues.
func queueOutput(c *cobra.Command) {
	// With a handler for SIGPIPE, a write fails with EPIPE instead. Unlike an ignored
	// signal, child processes do not inherit it.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	c.Root().SetOut(logs.NewWriter(c.OutOrStdout(), logs.Options{}))
	c.Root().SetErr(logs.NewWriter(c.ErrOrStderr(), logs.Options{}))
}

// quietLogger is for commands that serve no requests.
func quietLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }
