package file

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// Options is what a Source is made of.
type Options struct {
	Path string
	// Poll is how often the file is looked at where the system tells nothing
	// of changes (some network file systems). Default 5 s.
	Poll   time.Duration
	Logger *slog.Logger // nil: that of the directory
}

// Source reads a directory's rows from a file and follows its changes. One
// Source serves one directory.
type Source struct {
	opts Options
	last [sha256.Size]byte // of the bytes that were read last
	seen fs.FileInfo       // of the file then
}

// settle is how long the file must be left alone before it is read: an editor
// writes in several steps.
const settle = 20 * time.Millisecond

// New returns a source; the file is first looked at by Load.
func New(o Options) *Source {
	if o.Poll <= 0 {
		o.Poll = 5 * time.Second
	}
	return &Source{opts: o}
}

// Load reads the file.
func (s *Source) Load(_ context.Context, dir *tenantdb.Directory) error {
	_, err := s.read(dir)
	return err
}

// read brings the directory in step with the file.
func (s *Source) read(dir *tenantdb.Directory) (changed bool, err error) {
	info, err := os.Stat(s.opts.Path)
	if err != nil {
		return false, fmt.Errorf("file: %w", err)
	}
	data, err := os.ReadFile(s.opts.Path)
	if err != nil {
		return false, fmt.Errorf("file: %w", err)
	}
	sum := sha256.Sum256(data)
	if s.seen != nil && sum == s.last && dir.Stats().Degraded == "" {
		s.seen = info
		dir.Confirm()
		return false, nil
	}
	state, err := Decode(s.opts.Path, data)
	s.seen = info
	if err != nil {
		return false, err
	}
	s.last = sum
	report := dir.Replace(state)
	if report.Refused > 0 {
		s.log(dir).Warn("rows of the file were left out", "file", s.opts.Path, "report", report.String())
	}
	return true, nil
}

// Follow reads the file again whenever it changes. The folder is watched, not
// the file: editors and Kubernetes put another file in its place.
func (s *Source) Follow(ctx context.Context, dir *tenantdb.Directory) (err error) {
	watcher, watchErr := fsnotify.NewWatcher()
	var events chan fsnotify.Event
	var failures chan error
	if watchErr == nil {
		defer func() { err = errors.Join(err, watcher.Close()) }()
		events, failures = watcher.Events, watcher.Errors
		watchErr = s.watch(watcher)
	}
	if watchErr != nil {
		s.log(dir).Warn("the file's folder cannot be watched; looking at the file now and then", "file", s.opts.Path, "every", s.opts.Poll, "error", watchErr)
	}
	poll := time.NewTicker(s.opts.Poll)
	defer poll.Stop()
	// What changed between Load and the watch is found by the first look.
	due := time.NewTimer(0)
	defer due.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-events:
			due.Reset(settle)
			continue
		case err := <-failures:
			s.log(dir).Warn("watching the file failed; looking at it now", "file", s.opts.Path, "error", err)
		case <-poll.C:
		case <-due.C:
		}
		if !s.stale(dir) {
			continue
		}
		told = s.tell(dir, told)
		if watcher != nil {
			// The folder, or where a link leads, may be another one now; what
			// fails here is looked at by the next poll.
			_ = s.watch(watcher)
		}
	}
}

// tell reads the file and logs what became of it, the same thing once.
func (s *Source) tell(dir *tenantdb.Directory, told string) string {
	changed, err := s.read(dir)
	switch {
	case err != nil:
		dir.Degrade(err.Error())
		if err.Error() != told {
			s.log(dir).Error("the file is not right; the last good state stays", "error", err)
		}
		return err.Error()
	case changed:
		st := dir.Stats()
		s.log(dir).Info("the file has changed", "file", s.opts.Path, "tenants", st.Tenants, "domains", st.Domains)
	}
	return ""
}

// stale tells whether the file is another one than was read, and confirms the
// directory if it is not.
func (s *Source) stale(dir *tenantdb.Directory) bool {
	info, err := os.Stat(s.opts.Path)
	if err != nil || s.seen == nil || !os.SameFile(info, s.seen) || !info.ModTime().Equal(s.seen.ModTime()) || info.Size() != s.seen.Size() {
		return true
	}
	if dir.Stats().Degraded == "" {
		dir.Confirm()
	}
	return false
}

// watch watches the folder of the file, and of the file that a link leads to.
func (s *Source) watch(w *fsnotify.Watcher) error {
	folders := []string{filepath.Dir(s.opts.Path)}
	if real, err := filepath.EvalSymlinks(s.opts.Path); err == nil {
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

func (s *Source) log(dir *tenantdb.Directory) *slog.Logger {
	if s.opts.Logger != nil {
		return s.opts.Logger
	}
	return dir.Logger()
}

var _ tenantdb.Source = (*Source)(nil)
