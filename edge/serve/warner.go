package serve

import (
	"context"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// warner logs the warnings of `tenantedge check`: all at the start, and new
// ones when the directory has changed.
type warner struct {
	file      *config.File
	directory *tenantdb.Directory // nil: there are only static tenants
	log       *slog.Logger
	logged    map[string]bool // warnings found by the last check
	found     atomic.Pointer[config.Warnings]
}

// counts returns the number of warnings of each kind, zeros included.
func (n *warner) counts() map[string]int {
	all := make(map[string]int, len(config.WarningKinds))
	for _, kind := range config.WarningKinds {
		all[kind] = 0
	}
	if found := n.found.Load(); found != nil {
		maps.Copy(all, found.Counts)
	}
	return all
}

// last returns the warnings that the last check found.
func (n *warner) last() config.Warnings {
	if found := n.found.Load(); found != nil {
		return *found
	}
	return config.Warnings{}
}

// check finds all warnings and logs those that the last check did not find.
func (n *warner) check() {
	warnings := n.file.Warnings()
	if n.directory != nil {
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
		if more -= config.MaxWarnings; more > 0 && (n.found.Load() == nil || n.found.Load().Counts[kind] != more+config.MaxWarnings) {
			n.log.Warn("there are more warnings of this kind", "warning", kind, "more", more)
		}
	}
	n.logged = logged
	n.found.Store(&warnings)
}

// Checking all rows of a large directory takes seconds of processor time:
// checks are at least warnPause apart and take at most 1/warnShare of the time.
const (
	warnPause = 2 * time.Second
	warnShare = 20
)

// follow checks after each change of the directory until ctx ends. changed is a
// channel of Directory.Changed from before the last check.
func (n *warner) follow(ctx context.Context, changed <-chan struct{}) {
	for pause := warnPause; sleep(ctx, pause); {
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
		changed = n.directory.Changed()
		began := time.Now()
		n.check()
		pause = max(warnPause, warnShare*time.Since(began))
	}
}

// sleep reports false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
