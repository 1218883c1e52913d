package main

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/tenantedge/tenantedge/edge/config"
)

// newLogger writes text for people at a terminal, JSON for programs.
func newLogger(w io.Writer, c config.Logs) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "text" || c.Format != "json" && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// quietLogger is for commands whose output is their answer.
func quietLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }
