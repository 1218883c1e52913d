package storage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
)

// temporaryPrefix begins the names of temporary files; 26 random characters
// follow. They lie beside the file they are to become. No tenant's file or
// folder may have such a name, and none is listed.
const temporaryPrefix = ".tenantedge-"

// reserved reports whether a segment of the path begins as temporary files do,
// in whatever case, since a file system may ignore it.
func reserved(name string) bool {
	for {
		if len(name) >= len(temporaryPrefix) && name[0] == '.' && strings.EqualFold(name[:len(temporaryPrefix)], temporaryPrefix) {
			return true
		}
		slash := strings.IndexByte(name, '/')
		if slash < 0 {
			return false
		}
		name = name[slash+1:]
	}
}

// temporary is a file without a name of its own yet. It is locked for as long
// as it is open, by which Sweep tells it from one whose writer is dead.
type temporary struct {
	in   *folder
	file *os.File
	name string
}

func (s *Storage) newTemporary(in *folder) (*temporary, error) {
	mode := fs.FileMode(0o600) // nobody else's before it is whole
	if s.config.FileMode == FromUmask {
		mode = 0o666
	}
	for {
		t := &temporary{in: in, name: temporaryPrefix + randomText(26)}
		var err error
		t.file, err = in.OpenFile(t.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return nil, told(err, in.escapes)
		}
		held, err := claim(t.file)
		if err != nil {
			t.discard()
			return nil, err
		}
		if held {
			return t, nil
		}
		// A sweeper came between creation and lock, and removes it.
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
	// The name goes while the lock is held. If it cannot go, a sweeper takes it.
	_ = t.in.Remove(t.name)
	_ = t.file.Close() // all that matters was synced
	t.file = nil
}

// named is err about the file that was to be, instead of the temporary one:
// nobody knows that, and its path tells where all files are.
func (t *temporary) named(err error, name string) error {
	var failed *fs.PathError
	if errors.As(err, &failed) && failed.Path == t.file.Name() {
		return &fs.PathError{Op: failed.Op, Path: name, Err: failed.Err}
	}
	return err
}

// Sweep removes the temporary files of savers that were killed, and partial
// files that have expired. It tells how many temporary files they were. Those
// that are being written stay, whoever writes them. The first view of a tenant
// that a Storage gives does this by itself.
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
		if !d.Type().IsRegular() || !reserved(d.Name()) {
			return nil
		}
		gone, err := f.removeAbandoned(name)
		if gone {
			removed++
		}
		return err
	})
	return removed, err
}

// abandoned is a file that nobody held, and that nobody can come to hold
// until it is released.
type abandoned struct {
	in   *folder
	file *os.File
	info fs.FileInfo
	name string
}

// takeAbandoned takes a file that nobody holds. It returns nil where somebody
// does, and where the file is gone or another user's.
func (f *folder) takeAbandoned(name string) (*abandoned, error) {
	file, info, err := f.open(name, os.O_RDONLY)
	if err != nil {
		return nil, unless(err, fs.ErrNotExist, fs.ErrPermission)
	}
	if !isAbandoned(file) {
		return nil, file.Close()
	}
	return &abandoned{f, file, info, name}, nil
}

// remove reports whether the file went by it.
func (a *abandoned) remove() (bool, error) {
	// The name is still that of the file whose lock is held.
	found, err := a.in.Lstat(a.name)
	if err != nil || !os.SameFile(a.info, found) {
		return false, unless(err, fs.ErrNotExist)
	}
	err = a.in.Remove(a.name)
	return err == nil, unless(err, fs.ErrNotExist)
}

func (a *abandoned) release() { _ = a.file.Close() } // it was only looked at

// removeAbandoned removes a file, if nobody holds it, and reports whether it did.
func (f *folder) removeAbandoned(name string) (bool, error) {
	a, err := f.takeAbandoned(name)
	if a == nil {
		return false, err
	}
	defer a.release()
	return a.remove()
}

// sweepOnce sweeps a tenant's files the first time that it is asked for them.
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
			return // no files yet, or whoever uses them is told
		}
		_, err = f.sweep(s.ctx)
		left, expiry := f.expire(s.ctx, s.clock.Earliest())
		if left > 0 {
			s.expireNowAndThen(identifier)
		}
		if err = errors.Join(err, expiry, f.Close()); err != nil {
			s.mu.Lock()
			delete(s.swept, identifier) // the next view tries again
			s.mu.Unlock()
		}
	})
}
