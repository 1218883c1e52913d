package file

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Options is what a Source, or a Watch, is made of.
type Options struct {
	Path string
	// Poll is how often the file is looked at where the system tells nothing
	// of changes (some network file systems). Default 5 s.
	Poll time.Duration
	// Settle is how long the file must be left alone before it is looked at: an
	// editor writes in several steps. Default 20 ms.
	Settle time.Duration
	Logger *slog.Logger // nil: that of the directory, or slog.Default
}

func (o Options) withDefaults() Options {
	if o.Poll <= 0 {
		o.Poll = 5 * time.Second
	}
	if o.Settle <= 0 {
		o.Settle = 20 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Watch calls look at once, and again whenever the file may have changed, until
// ctx ends; look finds out whether it has. The folder is watched, not the file:
// editors and Kubernetes put another file in its place. Where folders cannot be
// watched, and besides, look is called at every Poll.
func Watch(ctx context.Context, o Options, look func()) (err error) {
	o = o.withDefaults()
	watcher, watchErr := fsnotify.NewWatcher()
	var events chan fsnotify.Event
	var failures chan error
	if watchErr == nil {
		defer func() { err = errors.Join(err, watcher.Close()) }()
		events, failures = watcher.Events, watcher.Errors
		watchErr = watchFolders(watcher, o.Path)
	}
	if watchErr != nil {
		o.Logger.Warn("the file's folder cannot be watched; looking at the file now and then", "file", o.Path, "every", o.Poll, "error", watchErr)
	}
	poll := time.NewTicker(o.Poll)
	defer poll.Stop()
	// What changed before the watch began is found by the first look.
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-events:
			due.Reset(o.Settle)
			continue
		case err := <-failures:
			o.Logger.Warn("watching the file failed; looking at it now", "file", o.Path, "error", err)
		case <-poll.C:
		case <-due.C:
		}
		look()
		if watcher != nil {
			// The folder, or where a link leads, may be another one now; what
			// fails here is looked at by the next poll.
			_ = watchFolders(watcher, o.Path)
		}
	}
}

// watchFolders watches the folder of the file, and of the file that a link
// leads to.
func watchFolders(w *fsnotify.Watcher, path string) error {
	folders := []string{filepath.Dir(path)}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		folders = append(folders, filepath.Dir(real))
	}
	var errs []error
	for _, f := range folders {
		if err := w.Add(f); err != nil { // again is harmless
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
