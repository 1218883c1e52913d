package storage

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"unicode/utf8"
)

// Names are those that the files of one tenant have. The zero Names are
// nobody's.
type Names struct {
	space      *Namespace
	tenant     Tenant
	identifier string
	location   string // absolute and clean, as path.Join gives it
	baseURL    string
}

// Identifier stands for the tenant in paths and URLs.
func (v *Names) Identifier() string { return v.identifier }

// Location is the tenant's folder.
func (v *Names) Location() string { return v.location }

// BaseURL is the URL above the tenant's files, empty if they have none.
func (v *Names) BaseURL() string { return v.baseURL }

// Path is where the file is on disk, by the guest's decision. It is for people
// and other programs: opening it leaves the wall of this package.
func (v *Names) Path(ctx context.Context, name string) (string, error) {
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
func (v *Names) URL(ctx context.Context, name string) (string, error) {
	if v.space != nil && v.space.baseURL == "" {
		return "", ErrNoURL
	}
	p, err := v.locate(ctx, name)
	return p.URL, err
}

type place struct{ Path, URL string }

func (v *Names) locate(ctx context.Context, name string) (place, error) {
	if v.space == nil {
		return place{}, ErrNoTenant
	}
	q := v.tenant.query(v.space)
	q.Name, q.HasName = name, true
	p, err := v.space.locator.Locate(ctx, &q)
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
func (v *Names) resolve(name string) (string, error) {
	plain := fs.ValidPath(name)
	switch {
	case v.space == nil:
		return "", ErrNoTenant
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

// checkPlain holds io/fs's rules for names. Temporary files are not there.
func (v *Names) checkPlain(op, name string) error {
	switch {
	case v.space == nil:
		return ErrNoTenant
	case !fs.ValidPath(name) || strings.IndexByte(name, 0) >= 0:
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	case reserved(name):
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	case v.tooLong(name):
		return &fs.PathError{Op: op, Path: name[:min(len(name), 200)], Err: syscall.ENAMETOOLONG}
	}
	return nil
}

func (v *Names) tooLong(rel string) bool { return len(v.location)+1+len(rel) > v.space.longest }

// Key is where the file with a name, as Django takes it, is below the location
// of all: the identifier, and below it a path without detours. That of "" is
// the identifier alone. A name that leaves the tenant's files has none.
func (v *Names) Key(name string) (string, error) {
	rel, err := v.resolve(name)
	if err != nil {
		return "", err
	}
	return path.Join(v.identifier, rel), nil
}

// PlainKey is Key for names by the rules of package io/fs. op is for the
// error.
func (v *Names) PlainKey(op, name string) (string, error) {
	if err := v.checkPlain(op, name); err != nil {
		return "", err
	}
	return path.Join(v.identifier, name), nil
}
