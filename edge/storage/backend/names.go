package backend

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// Names are the names of one tenant's files. With the zero value, every name is
// ErrNoTenant.
type Names struct {
	space      *Namespace
	tenant     storage.Tenant
	identifier string
	location   string // absolute and clean, as path.Join returns it
	baseURL    string
}

// Tenant returns the tenant.
func (n *Names) Tenant() storage.Tenant { return n.tenant }

// Identifier returns the name of the tenant's folder.
func (n *Names) Identifier() string { return n.identifier }

// Location returns the path of the tenant's folder.
func (n *Names) Location() string { return n.location }

// BaseURL returns the URL that the tenant's files are below; "" if they have
// none.
func (n *Names) BaseURL() string { return n.baseURL }

// Path asks the guest for the path of a file. It is for people and other
// programs: opening it bypasses the confinement to the tenant's folder.
func (n *Names) Path(ctx context.Context, name string) (string, error) {
	path, _, err := n.locate(ctx, name)
	if err != nil {
		return "", err
	}
	if path != n.location && !strings.HasPrefix(path, n.location+"/") {
		return "", outside(name)
	}
	return path, nil
}

// URL asks the guest for the URL of a file.
func (n *Names) URL(ctx context.Context, name string) (string, error) {
	if n.space != nil && n.space.baseURL == "" {
		return "", storage.ErrNoURL
	}
	_, url, err := n.locate(ctx, name)
	return url, err
}

func (n *Names) locate(ctx context.Context, name string) (path, url string, err error) {
	if n.space == nil {
		return "", "", storage.ErrNoTenant
	}
	q := n.space.query(&n.tenant)
	q.Name, q.HasName = name, true
	p, err := n.space.locator.Locate(ctx, &q)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("storage: tenant %q: %w", n.tenant.Schema, err)
	case !p.HasPath:
		return "", "", fmt.Errorf("storage: %.200q: %w: %w", name, storage.ErrSuspicious, p.Err)
	}
	return p.Path, p.URL, nil
}

// Resolve returns the io/fs name of the file that Django calls name. That of the
// tenant's folder is ".".
func (n *Names) Resolve(name string) (string, error) {
	valid := fs.ValidPath(name)
	switch {
	case n.space == nil:
		return "", storage.ErrNoTenant
	case strings.IndexByte(name, 0) >= 0:
		return "", Suspicious(name, "has a NUL")
	case !valid && !utf8.ValidString(name):
		return "", Suspicious(name, "is not UTF-8")
	case !valid:
		joined := name
		if !strings.HasPrefix(name, "/") {
			joined = n.location + "/" + name
		} else if strings.HasPrefix(name, "//") && !strings.HasPrefix(name, "///") {
			return "", outside(name) // POSIX: two slashes may be another root
		}
		full := path.Clean(joined)
		rest, below := strings.CutPrefix(full, n.location+"/")
		switch {
		case full == n.location:
			return ".", nil
		case !below:
			return "", outside(name)
		}
		name = rest
	}
	if Reserved(name) {
		return "", Suspicious(name, "is a name of temporary files")
	}
	if n.tooLong(name) {
		return "", &fs.PathError{Op: "resolve", Path: name[:min(len(name), 200)], Err: syscall.ENAMETOOLONG}
	}
	return name, nil
}

// CheckPlain checks a name by the rules of [io/fs]. A reserved name is
// fs.ErrNotExist. op is for the error.
func (n *Names) CheckPlain(op, name string) error {
	switch {
	case n.space == nil:
		return storage.ErrNoTenant
	case !fs.ValidPath(name) || strings.IndexByte(name, 0) >= 0:
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	case Reserved(name):
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	case n.tooLong(name):
		return &fs.PathError{Op: op, Path: name[:min(len(name), 200)], Err: syscall.ENAMETOOLONG}
	}
	return nil
}

func (n *Names) tooLong(rel string) bool { return len(n.location)+1+len(rel) > n.space.longest }

// ResolveNew is Resolve for a file that is to be created. It checks what Django
// checks before it saves, and that the name has no more folders than
// Config.MaxDepth.
func (n *Names) ResolveNew(name string) (string, error) {
	last := name[strings.LastIndexByte(name, '/')+1:]
	if last == "" || last == "." || last == ".." {
		return "", Suspicious(name, "does not name a file")
	}
	slashed := strings.ReplaceAll(name, `\`, "/")
	if strings.HasPrefix(slashed, "/") || slices.Contains(strings.Split(slashed, "/"), "..") {
		return "", Suspicious(name, "is absolute or climbs out of its folder")
	}
	rel, err := n.Resolve(name)
	if err != nil {
		return "", err
	}
	if most := n.space.maxDepth; most > 0 && strings.Count(rel, "/") > most {
		n.space.tooDeep.Add(1)
		return "", fmt.Errorf("%w: expected %d at most, found %d", storage.ErrDepth, most, strings.Count(rel, "/"))
	}
	return rel, nil
}

// Suspicious returns storage.ErrSuspicious for a name, which is quoted and
// truncated: an attacker may have chosen it.
func Suspicious(name, why string) error {
	return fmt.Errorf("storage: %.200q %s: %w", name, why, storage.ErrSuspicious)
}

func outside(name string) error { return Suspicious(name, "is outside of the tenant's files") }
