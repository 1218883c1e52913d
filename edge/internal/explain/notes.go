package explain

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// Notes collects what a guest logs, and other texts that explain an answer.
type Notes struct {
	mu    sync.Mutex
	lines []string
}

// Add adds a note.
func (n *Notes) Add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, text)
}

// Take returns the notes and removes them.
func (n *Notes) Take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := n.lines
	n.lines = nil
	return lines
}

// Logger returns a logger whose warnings become notes, and what guests log.
func (n *Notes) Logger() *slog.Logger { return slog.New(handler{n}) }

// handler is a slog.Handler of Notes. It keeps warnings, and all that guests log.
type handler struct{ *Notes }

func (h handler) Enabled(context.Context, slog.Level) bool { return true }

func (h handler) Handle(_ context.Context, r slog.Record) error {
	guest := false
	var attrs strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		if guest = guest || a.Key == "from" && a.Value.String() == "guest"; guest {
			return false
		}
		attrs.WriteString(" " + a.String())
		return true
	})
	switch {
	case guest:
		h.Add("guest: " + r.Level.String() + " " + r.Message)
	case r.Level >= slog.LevelWarn:
		h.Add(r.Message + attrs.String())
	}
	return nil
}

// Handlers with attributes or groups are those of the host, whose notes need none.
func (h handler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h handler) WithGroup(string) slog.Handler      { return h }
