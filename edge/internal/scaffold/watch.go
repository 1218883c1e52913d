package scaffold

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long the sources must be unchanged before they are built:
	// editors write in several steps.
	settle = 50 * time.Millisecond
	// poll is the interval at which the sources are compared even if the system
	// reports no change, as on some network file systems.
	poll = time.Second
)

// Watch sends the time of the first of several changes of the project's sources,
// when they have settled, until ctx ends. A change while nothing receives is sent
// later.
func (p *Project) Watch(ctx context.Context) <-chan time.Time {
	changes := make(chan time.Time, 1)
	w := &watch{dir: p.Dir}
	w.seen = w.sources() // before the caller's first build
	go w.run(ctx, changes)
	return changes
}

// watch compares the sources of a project with those that it has seen. Events of
// the system only make it look earlier.
type watch struct {
	dir      string
	seen     map[string]stamp
	notifier *fsnotify.Watcher // nil: the system has none; sources are polled
}

// stamp changes when a file does.
type stamp struct {
	size     int64
	modified time.Time
}

func (w *watch) run(ctx context.Context, changes chan<- time.Time) {
	var events chan fsnotify.Event
	var failures chan error
	if n, err := fsnotify.NewWatcher(); err == nil { // otherwise they are polled
		defer func() { _ = n.Close() }()
		w.notifier, events, failures = n, n.Events, n.Errors
	}
	ticks := time.NewTicker(poll)
	defer ticks.Stop()
	due := time.NewTimer(0)
	defer due.Stop()
	var first time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-failures: // events were lost
			continue
		case e := <-events:
			if e.Op == fsnotify.Chmod || ignored(filepath.Base(e.Name)) {
				continue
			}
			if first.IsZero() {
				first = time.Now()
			}
			due.Reset(settle)
			continue
		case <-ticks.C:
			if !first.IsZero() { // they have not settled
				continue
			}
		case <-due.C:
		}
		now := w.sources()
		if !maps.Equal(now, w.seen) {
			w.seen = now
			if first.IsZero() {
				first = time.Now()
			}
			select {
			case changes <- first:
			default: // one is waiting already
			}
		}
		first = time.Time{}
	}
}

// sources returns the files of the project, and watches its folders.
func (w *watch) sources() map[string]stamp {
	all := map[string]stamp{}
	// Files that disappear meanwhile are no error.
	_ = filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case path != w.dir && ignored(d.Name()):
			if d.IsDir() {
				return filepath.SkipDir
			}
		case d.IsDir():
			if w.notifier != nil {
				_ = w.notifier.Add(path) // its files are polled
			}
		default:
			if info, err := os.Stat(path); err == nil {
				all[path] = stamp{info.Size(), info.ModTime()}
			}
		}
		return nil
	})
	return all
}

// ignored reports whether a file or folder with that name is none of the sources:
// it is written by builds or by editors.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~") ||
		slices.Contains([]string{".swp", ".tmp", ".o", ".wasm"}, filepath.Ext(name)) ||
		slices.Contains([]string{"target", "node_modules", "build", "bin", "zig-out", "Cargo.lock", "package-lock.json", "4913"}, name)
}
