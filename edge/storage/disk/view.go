package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// View is the files of one tenant. It is safe for concurrent use.
//
// The first access that finds the tenant's folder opens it. The view keeps that
// folder until it is closed, even if the folder is renamed or replaced.
type View struct {
	names
	storage *Storage

	mu     sync.Mutex // held while the folder is opened
	opened atomic.Pointer[folder]
	closed bool
}

type names = backend.Names // a field that other packages do not see

// folder is an open folder.
type folder struct {
	*os.Root
	escapes error // the error of the root for a name that leaves it
}

// Close closes the tenant's folder. Open files stay open.
func (v *View) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	if f := v.opened.Swap(nil); f != nil {
		return f.Close()
	}
	return nil
}

// longestPath is the longest path that a program on Linux can open, in bytes.
const longestPath = 4095

// root returns the tenant's folder, and opens it if need be.
func (v *View) root() (*folder, error) {
	if f := v.opened.Load(); f != nil {
		return f, nil
	}
	return v.open(false)
}

// rootToWrite is root, and creates the folder if it is missing.
func (v *View) rootToWrite() (*folder, error) {
	if f := v.opened.Load(); f != nil {
		return f, nil
	}
	return v.open(true)
}

func (v *View) open(create bool) (*folder, error) {
	if v.storage == nil {
		return nil, storage.ErrNoTenant
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if f := v.opened.Load(); f != nil {
		return f, nil
	}
	if v.closed {
		return nil, fmt.Errorf("storage: view of tenant %q: %w", v.Tenant().Schema, fs.ErrClosed)
	}
	f, err := v.storage.open(v.Identifier(), create)
	if err != nil {
		return nil, err
	}
	v.opened.Store(f)
	return f, nil
}

// open opens the folder of an identifier. A symbolic link is rejected: it could
// lead to another tenant's folder.
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
		return nil, fmt.Errorf("storage: %s: %w: expected a folder, found %v: to keep the files elsewhere, mount a file system there",
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

// escapeOf returns the error of a root for a name that leaves it, which package
// os does not export.
func escapeOf(r *os.Root) error {
	var escape *fs.PathError
	if _, err := r.Lstat(".."); errors.As(err, &escape) {
		return escape.Err
	}
	return nil
}

// markEscape adds ErrSuspicious to the chain of an error that means that a link
// leads out of the root.
func (f *folder) markEscape(err error) error {
	if err == nil || f.escapes == nil || !errors.Is(err, f.escapes) {
		return err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return &fs.PathError{Op: path.Op, Path: path.Path, Err: fmt.Errorf("%w: %w", storage.ErrSuspicious, f.escapes)}
	}
	return fmt.Errorf("storage: %w: %w", storage.ErrSuspicious, err)
}

// account returns the account of the tenant; nil, whose methods do nothing, if
// the tenant has no quota.
func (v *View) account() *backend.Account { return v.storage.ledger.Account(&v.names) }

// unless returns err, or nil if it matches one of those.
func unless(err error, those ...error) error {
	for _, e := range those {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

var (
	_ storage.View     = (*View)(nil)
	_ fs.ReadLinkFS    = (*View)(nil)
	_ backend.Editor   = (*View)(nil)
	_ backend.Partials = (*View)(nil)
	_ backend.Meter    = (*View)(nil)
	_ backend.Linker   = (*View)(nil)
)
