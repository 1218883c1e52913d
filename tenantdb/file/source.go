package file

import (
	"context"
	"fmt"
	"hash/maphash"
	"io/fs"
	"log/slog"
	"os"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// Source reads a directory's rows from a file and follows its changes. One
// Source serves one directory.
type Source struct {
	opts Options
	seed maphash.Seed
	last uint64      // hash of the content that the directory holds
	seen fs.FileInfo // of the file when it was last read
}

// New returns a source. Load is the first to read the file.
func New(o Options) *Source { return &Source{opts: o, seed: maphash.MakeSeed()} }

// Load reads the file into the directory. If it fails, the directory stays as
// it was.
func (s *Source) Load(_ context.Context, dir *tenantdb.Directory) error {
	_, err := s.read(dir)
	return err
}

// read reads the file and, unless its content is the same as before, replaces
// the directory's.
func (s *Source) read(dir *tenantdb.Directory) (changed bool, err error) {
	data, info, err := ReadRegular(s.opts.Path, 0)
	if err != nil {
		return false, fmt.Errorf("file: %w", err)
	}
	sum := maphash.Bytes(s.seed, data)
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
	if report.LeftOut > 0 {
		s.log(dir).Warn("rows of the file were left out", "file", s.opts.Path, "report", report.String())
	}
	return true, nil
}

// Follow reads the file again whenever it changes.
func (s *Source) Follow(ctx context.Context, dir *tenantdb.Directory) error {
	o := s.opts
	o.Logger = s.log(dir)
	logged := ""
	return Watch(ctx, o, func() {
		if s.stale(dir) {
			logged = s.reload(dir, logged)
		}
	})
}

// reload reads the file and logs the outcome. It returns the error, and does not
// log an error that equals the one logged before.
func (s *Source) reload(dir *tenantdb.Directory, logged string) string {
	changed, err := s.read(dir)
	switch {
	case err != nil:
		dir.Degrade(err.Error())
		if err.Error() != logged {
			s.log(dir).Error("cannot use the file; the last good state stays", "error", err)
		}
		return err.Error()
	case changed:
		st := dir.Stats()
		s.log(dir).Info("the file has changed", "file", s.opts.Path, "tenants", st.Tenants, "domains", st.Domains)
	}
	return ""
}

// stale reports whether the file may have changed since it was read, and
// confirms the directory if it has not.
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

func (s *Source) log(dir *tenantdb.Directory) *slog.Logger {
	if s.opts.Logger != nil {
		return s.opts.Logger
	}
	return dir.Logger()
}

var _ tenantdb.Source = (*Source)(nil)
