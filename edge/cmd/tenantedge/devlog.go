package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// devLog writes log records for a person who develops a guest: one line for each
// request, and the text of guests as they wrote it.
type devLog struct {
	out   *lines
	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (h *devLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelDebug }

// WithGroup implements slog.Handler. No part of the edge uses groups.
func (h *devLog) WithGroup(string) slog.Handler { return h }

// WithAttrs implements slog.Handler.
func (h *devLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &devLog{h.out, append(append([]slog.Attr{}, h.attrs...), attrs...)}
}

// Handle implements slog.Handler.
func (h *devLog) Handle(_ context.Context, r slog.Record) error {
	values := map[string]string{}
	var b strings.Builder
	add := func(a slog.Attr) bool {
		v := a.Value.Resolve().String()
		values[a.Key] = v
		switch {
		case v == "" || a.Key == "request" || a.Key == "guest" || a.Key == "from":
		case strings.Contains(v, "\n"):
			fmt.Fprintf(&b, "\n  %s: %s", a.Key, indent(v))
		default:
			fmt.Fprintf(&b, " %s=%s", a.Key, v)
		}
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	at := r.Time.Format(time.TimeOnly)
	_, ofRequest := values["request"]
	switch {
	case r.Message == "access":
		return h.access(at, values)
	case r.Level < slog.LevelWarn && !ofRequest: // about the edge, not the guest
		return nil
	}
	message := r.Message
	if values["from"] == "guest" { // the host joins the lines that a guest prints
		message = strings.ReplaceAll(message, " | ", "\n")
		if !ofRequest && values["tenant"] == "" { // nor of a websocket's event
			message = "while the guest is configured and tried with made-up requests:\n" + message
		}
	}
	_, err := fmt.Fprintf(terminal{h.out}, "%s %s %s%s\n", at, r.Level, indent(message), &b)
	return err
}

// access writes a record of the access log.
func (h *devLog) access(at string, v map[string]string) error {
	decision := v["reason"]
	if v["tenant"] != "" {
		decision = strings.TrimSuffix("tenant "+v["tenant"]+", "+decision, ", ")
	}
	_, err := fmt.Fprintf(terminal{h.out}, "%s %s %s%s: %s %s (%s ms)\n", at, v["method"], v["host"], v["path"], v["status"], decision, v["ms"])
	return err
}

// indent indents the second and the following lines of a text.
func indent(s string) string {
	return strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n    ")
}
