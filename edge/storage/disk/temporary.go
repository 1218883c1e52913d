package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// temporary is a file that has only a reserved name, beside the file that it
// will become. It is locked while it is open, which distinguishes it from one
// whose writer was killed.
type temporary struct {
	in   *folder
	file *os.File
	name string
}

func (s *Storage) newTemporary(in *folder) (*temporary, error) {
	mode := fs.FileMode(0o600) // private until it is complete
	if s.config.FileMode == FromUmask {
		mode = 0o666
	}
	for {
		t := &temporary{in: in, name: backend.ReservedName()}
		var err error
		t.file, err = in.OpenFile(t.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return nil, in.markEscape(err)
		}
		held, err := claim(t.file)
		if err != nil {
			t.discard()
			return nil, err
		}
		if held {
			return t, nil
		}
		// A sweeper took it between creation and lock, and removes it.
		if err := t.file.Close(); err != nil {
			return nil, err
		}
	}
}

// discard removes the temporary name. What was linked stays.
func (t *temporary) discard() {
	if t.file == nil {
		return
	}
	// The name is removed while the lock is held. If that fails, a sweep removes it.
	_ = t.in.Remove(t.name)
	_ = t.file.Close() // what matters was synced
	t.file = nil
}

// named returns err about the final name instead of the temporary one, whose
// path would show where all files are.
func (t *temporary) named(err error, name string) error {
	var failed *fs.PathError
	if errors.As(err, &failed) && failed.Path == t.file.Name() {
		return &fs.PathError{Op: failed.Op, Path: name, Err: failed.Err}
	}
	return err
}

// Sweep removes the temporary files of killed savers and expired partial files,
// and returns the number of temporary files. Files that are being written stay,
// whichever process writes them. The first view of each tenant sweeps in the
// background.
func (v *View) Sweep(ctx context.Context) (int, error) {
	root, err := v.root()
	if err != nil {
		return 0, unless(err, fs.ErrNotExist)
	}
	removed, err := root.sweep(ctx)
	if err != nil {
		return removed, err
	}
	_, err = root.expire(ctx, v.storage.clock.Earliest())
	return removed, err
}

func (f *folder) sweep(ctx context.Context) (removed int, err error) {
	err = fs.WalkDir(f.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return unless(err, fs.ErrNotExist, fs.ErrPermission) // removed meanwhile, or another user's
		}
		if !d.Type().IsRegular() || !backend.Reserved(d.Name()) {
			return nil
		}
		ok, err := f.removeAbandoned(name)
		if ok {
			removed++
		}
		return err
	})
	return removed, err
}

// abandoned is a file that no process had locked. It is locked until release.
type abandoned struct {
	in   *folder
	file *os.File
	info fs.FileInfo
	name string
}

// lockAbandoned locks a file. It returns nil if the file is locked, missing, or
// another user's.
func (f *folder) lockAbandoned(name string) (*abandoned, error) {
	file, info, err := f.open(name, os.O_RDONLY)
	if err != nil {
		return nil, unless(err, fs.ErrNotExist, fs.ErrPermission)
	}
	if !tryLock(file) {
		return nil, file.Close()
	}
	return &abandoned{f, file, info, name}, nil
}

// remove removes the file, and reports whether it did.
func (a *abandoned) remove() (bool, error) {
	// The name may have been given to another file before the lock was taken.
	found, err := a.in.Lstat(a.name)
	if err != nil || !os.SameFile(a.info, found) {
		return false, unless(err, fs.ErrNotExist)
	}
	err = a.in.Remove(a.name)
	return err == nil, unless(err, fs.ErrNotExist)
}

func (a *abandoned) release() { _ = a.file.Close() } // nothing was written

// removeAbandoned removes a file that is not locked, and reports whether it did.
func (f *folder) removeAbandoned(name string) (bool, error) {
	a, err := f.lockAbandoned(name)
	if a == nil {
		return false, err
	}
	defer a.release()
	return a.remove()
}

// sweepOnce sweeps a tenant's files in the background, the first time it is
// called for the tenant.
func (s *Storage) sweepOnce(identifier string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.swept[identifier] || s.ctx.Err() != nil {
		return
	}
	s.swept[identifier] = true
	s.work.Go(func() {
		f, err := s.open(identifier, false)
		if err != nil {
			return // no files yet, or the next access returns the error
		}
		_, err = f.sweep(s.ctx)
		left, expiry := f.expire(s.ctx, s.clock.Earliest())
		if left > 0 {
			s.expirePeriodically(identifier)
		}
		if err = errors.Join(err, expiry, f.Close()); err != nil {
			s.mu.Lock()
			delete(s.swept, identifier) // the next view tries again
			s.mu.Unlock()
		}
	})
}
