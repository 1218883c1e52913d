package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"syscall"
)

// View is the files of one tenant. It is safe for concurrent use.
//
// The tenant's folder is opened with the first access that finds it, and is
// that one until the view is closed, whatever happens to its name.
type View struct {
	names
	storage *Storage

	mu     sync.Mutex // held while the folder is opened
	opened atomic.Pointer[folder]
	closed bool
}

// names are Names as a field that others do not see.
type names = Names

// folder is an open folder, and how its root says that a name leads out of it.
type folder struct {
	*os.Root
	escapes error
}

// Close closes the tenant's folder. Files that were opened stay open.
func (v *View) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	if f := v.opened.Swap(nil); f != nil {
		return f.Close()
	}
	return nil
}

// longestPath is what other programs can open by its path on Linux.
const longestPath = 4095

// root is the tenant's folder, opened if it was not yet.
func (v *View) root() (*folder, error) {
	if f := v.opened.Load(); f != nil {
		return f, nil
	}
	return v.open(false)
}

// rootToWrite is root, which it creates if there is none.
func (v *View) rootToWrite() (*folder, error) {
	if f := v.opened.Load(); f != nil {
		return f, nil
	}
	return v.open(true)
}

func (v *View) open(create bool) (*folder, error) {
	if v.storage == nil {
		return nil, ErrNoTenant
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if f := v.opened.Load(); f != nil {
		return f, nil
	}
	if v.closed {
		return nil, fmt.Errorf("storage: view of tenant %q: %w", v.tenant.Schema, fs.ErrClosed)
	}
	f, err := v.storage.open(v.identifier, create)
	if err != nil {
		return nil, err
	}
	v.opened.Store(f)
	return f, nil
}

// open opens the folder of an identifier. One that is a link is refused: it
// could be another tenant's.
func (s *Storage) open(identifier string, create bool) (*folder, error) {
	if create {
		if err := s.createLocation(); err != nil {
			return nil, err
		}
	}
	top, err := os.OpenRoot(s.location)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	if create {
		if err := s.mkdir(top, identifier); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	named, err := top.Lstat(identifier)
	if err != nil {
		return nil, err
	}
	if !named.IsDir() {
		return nil, fmt.Errorf("storage: %s: %w: expected a folder, found %v: mount one there to have it elsewhere",
			path.Join(s.location, identifier), syscall.ENOTDIR, named.Mode().Type())
	}
	root, err := top.OpenRoot(identifier)
	if err != nil {
		return nil, err
	}
	if found, err := root.Stat("."); err != nil || !os.SameFile(named, found) {
		return nil, errors.Join(fmt.Errorf("storage: %s was replaced while it was opened", path.Join(s.location, identifier)), err, root.Close())
	}
	return &folder{root, escapeOf(root)}, nil
}

// escapeOf is the error, which package os keeps to itself, by which a root
// tells that a name leads out of it.
func escapeOf(r *os.Root) error {
	var refusal *fs.PathError
	if _, err := r.Lstat(".."); errors.As(err, &refusal) {
		return refusal.Err
	}
	return nil
}
