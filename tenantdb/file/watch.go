package file

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Options configures a Source or a Watch. Path is required.
type Options struct {
	Path string
	// Poll is the interval at which the file is checked even if the system
	// reports no change, as on some network file systems. Default 5 s.
	Poll time.Duration
	// Settle is how long the folder must be quiet before the file is checked,
	// because editors write in several steps. Default 20 ms.
	Settle time.Duration
	Logger *slog.Logger // nil: the directory's, for a Source; slog.Default, for a Watch
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

// Watch calls check once, then whenever the file may have changed and at every
// Poll, until ctx ends; it returns the error of ctx. check decides whether the
// file has changed. Watch observes the folder, because editors and Kubernetes
// replace the file.
func Watch(ctx context.Context, o Options, check func()) (err error) {
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
		o.Logger.Warn("cannot watch the file's folder; checking the file at intervals", "file", o.Path, "every", o.Poll, "error", watchErr)
	}
	poll := time.NewTicker(o.Poll)
	defer poll.Stop()
	// The first check finds changes from before the watch began.
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
			o.Logger.Warn("watching the file failed; checking it now", "file", o.Path, "error", err)
		case <-poll.C:
		case <-due.C:
		}
		check()
		if watcher != nil {
			// The folder, or the target of a link, may have been replaced. If
			// this fails, the file is still polled.
			_ = watchFolders(watcher, o.Path)
		}
	}
}

// watchFolders watches the folder of the file and, if it is a link, that of its
// target.
func watchFolders(w *fsnotify.Watcher, path string) error {
	folders := []string{filepath.Dir(path)}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		folders = append(folders, filepath.Dir(real))
	}
	var errs []error
	for _, f := range folders {
		if err := w.Add(f); err != nil { // no error if it is watched already
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
