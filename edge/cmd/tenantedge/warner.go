package main

import (
	"context"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// warner logs what `tenantedge check` warns about: at the start, and what is new
// when the directory has changed.
type warner struct {
	file      *config.File
	directory *tenantdb.Directory // nil: there are only static tenants
	log       *slog.Logger
	logged    map[string]bool // the warnings of the last look
	seen      uint64          // generation of the directory then
	found     atomic.Pointer[map[string]int]
}

func newWarner(file *config.File, w *wiring, log *slog.Logger) *warner {
	n := &warner{file: file, log: log}
	if w.source != nil {
		n.directory = w.directory
	}
	return n
}

// counts are the warnings of each kind, all kinds included.
func (n *warner) counts() map[string]int {
	all := make(map[string]int, len(config.WarningKinds))
	for _, kind := range config.WarningKinds {
		all[kind] = 0
	}
	if found := n.found.Load(); found != nil {
		maps.Copy(all, *found)
	}
	return all
}

// look finds all warnings and logs those that the last look did not.
func (n *warner) look() {
	warnings := n.file.Warnings()
	if n.directory != nil {
		n.seen = n.directory.Stats().Generation
		warnings.Join(n.file.RowWarnings(n.directory))
	}
	logged := make(map[string]bool, len(warnings.Named))
	for _, w := range warnings.Named {
		text := w.String()
		if logged[text] = true; !n.logged[text] {
			n.log.Warn(text, "warning", w.Kind)
		}
	}
	for kind, more := range warnings.Counts {
		if more -= config.MostWarnings; more > 0 && (n.found.Load() == nil || (*n.found.Load())[kind] != more+config.MostWarnings) {
			n.log.Warn("there are more warnings of a kind", "warning", kind, "more", more)
		}
	}
	n.logged = logged
	n.found.Store(&warnings.Counts)
}

// How often the directory is asked whether it has changed, and how much of the
// time looking at its rows may take.
const (
	lookAgain = 2 * time.Second
	lookShare = 20
)

// follow looks once, and then whenever the directory has changed, until ctx ends
// or the function that it returns is called.
func (n *warner) follow(ctx context.Context) (stop func()) {
	n.look()
	if n.directory == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		timer := time.NewTimer(lookAgain)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			pause := lookAgain
			if n.directory.Stats().Generation != n.seen {
				began := time.Now()
				n.look()
				pause = max(pause, lookShare*time.Since(began))
			}
			timer.Reset(pause)
		}
	}()
	return func() { cancel(); <-done }
}
