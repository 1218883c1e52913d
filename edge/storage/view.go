package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"unicode/utf8"
)

// View is the files of one tenant. It is safe for concurrent use.
//
// The tenant's folder is opened with the first access that finds it, and is
// that one until the view is closed, whatever happens to its name.
type View struct {
	storage    *Storage
	tenant     Tenant
	identifier string
	location   string // absolute and clean, as path.Join gives it
	baseURL    string

	mu     sync.Mutex // held while the folder is opened
	opened atomic.Pointer[folder]
	closed bool
}

// folder is an open folder, and how its root says that a name leads out of it.
type folder struct {
	*os.Root
	escapes error
}

// Identifier stands for the tenant in paths and URLs.
func (v *View) Identifier() string { return v.identifier }

// Location is the tenant's folder.
func (v *View) Location() string { return v.location }

// BaseURL is the URL above the tenant's files, empty if they have none.
func (v *View) BaseURL() string { return v.baseURL }

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

// Path is where the file is on disk, by the guest's decision. It is for people
// and other programs: opening it leaves the wall of this package.
func (v *View) Path(ctx context.Context, name string) (string, error) {
	p, err := v.locate(ctx, name)
	if err != nil {
		return "", err
	}
	if p.Path != v.location && !strings.HasPrefix(p.Path, v.location+"/") {
		return "", suspicious(name, "is outside of the tenant's files")
	}
	return p.Path, nil
}

// URL is the file's, by the guest's decision.
func (v *View) URL(ctx context.Context, name string) (string, error) {
	if v.storage != nil && v.storage.config.BaseURL == "" {
		return "", ErrNoURL
	}
	p, err := v.locate(ctx, name)
	return p.URL, err
}

type place struct{ Path, URL string }

func (v *View) locate(ctx context.Context, name string) (place, error) {
	if v.storage == nil {
		return place{}, ErrNoTenant
	}
	q := v.tenant.query(v.storage)
	q.Name, q.HasName = name, true
	p, err := v.storage.config.Locator.Locate(ctx, &q)
	switch {
	case err != nil:
		return place{}, fmt.Errorf("storage: tenant %q: %w", v.tenant.Schema, err)
	case !p.HasPath:
		return place{}, fmt.Errorf("storage: %.200q: %w: %w", name, ErrSuspicious, p.Err)
	}
	return place{p.Path, p.URL}, nil
}

// resolve turns a name as Django takes it into one that is relative to the
// tenant's folder, which itself is ".".
func (v *View) resolve(name string) (string, error) {
	plain := fs.ValidPath(name)
	switch {
	case strings.IndexByte(name, 0) >= 0:
		return "", suspicious(name, "has a NUL")
	case !plain && !utf8.ValidString(name):
		return "", suspicious(name, "is not UTF-8")
	case !plain:
		joined := name
		if !strings.HasPrefix(name, "/") {
			joined = v.location + "/" + name
		} else if strings.HasPrefix(name, "//") && !strings.HasPrefix(name, "///") {
			return "", suspicious(name, "is outside of the tenant's files") // POSIX: two slashes are another root
		}
		full := path.Clean(joined)
		rest, below := strings.CutPrefix(full, v.location+"/")
		switch {
		case full == v.location:
			return ".", nil
		case !below:
			return "", suspicious(name, "is outside of the tenant's files")
		}
		name = rest
	}
	if reserved(name) {
		return "", suspicious(name, "is a name of temporary files")
	}
	if v.tooLong(name) {
		return "", &fs.PathError{Op: "resolve", Path: name[:min(len(name), 200)], Err: syscall.ENAMETOOLONG}
	}
	return name, nil
}

// longestPath is what other programs can open by its path on Linux.
const longestPath = 4095

func (v *View) tooLong(rel string) bool { return len(v.location)+1+len(rel) > longestPath }

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
