package guests

import (
	"context"
	"io"
	"io/fs"
	"slices"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/edge/trace"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/hostfuncs"
	"github.com/tenantedge/tenantedge/tenantdb"
)

func fileTenantOf(m *tenantdb.Match) storage.Tenant {
	pathname, has := m.Tenant.Attribute(tenant.PathnameAttribute)
	return storage.Tenant{Schema: m.Tenant.Schema, Folder: m.Folder, Pathname: pathname, HasPathname: has}
}

// fileTenant returns the tenant whose files the guest may use. While the guest
// routes, that is the tenant of its last lookup in this call, or the one sent
// with the request; afterwards, the tenant that the request was routed to.
func (s *services) fileTenant() (storage.Tenant, bool) {
	switch {
	case s.noFiles:
		return storage.Tenant{}, false
	case s.tenant != nil:
		return storage.TenantOf(s.tenant), true
	case s.match != &noMatch:
		return fileTenantOf(s.match), true
	case s.lookahead != &noMatch:
		return fileTenantOf(s.lookahead), true
	default:
		return storage.Tenant{}, false
	}
}

// Files implements hostfuncs.Services.
func (s *services) Files(ctx context.Context, last hostfuncs.Files) (hostfuncs.Files, error) {
	if s.tape == nil {
		return s.openFiles(ctx, last)
	}
	t, _ := s.fileTenant()
	return s.tape.Files(t.Schema, last, func(last hostfuncs.Files) (hostfuncs.Files, error) { return s.openFiles(ctx, last) })
}

func (s *services) openFiles(ctx context.Context, last hostfuncs.Files) (hostfuncs.Files, error) {
	if s.set.files == nil {
		return nil, abi.Unavailable
	}
	t, ok := s.fileTenant()
	if !ok {
		return nil, abi.Denied
	}
	if f, ok := last.(*guestFiles); ok && f.tenant == t {
		return last, nil
	}
	view, err := s.set.files.View(s.set.insideGuest(ctx), t)
	if err != nil {
		return nil, storageErrnos.Wrap(err)
	}
	return &guestFiles{tenant: t, view: view, readOnly: !hasEffects(ctx), tracer: s.set.config.Tracer}, nil
}

// FileLimits implements hostfuncs.Services.
func (s *services) FileLimits() hostfuncs.FileLimits { return s.set.config.FileLimits }

// guestFiles are a tenant's files as host functions use them.
type guestFiles struct {
	tenant   storage.Tenant
	view     storage.View
	readOnly bool // for a shadow: the current guest writes
	tracer   trace.Tracer
}

func (f *guestFiles) Open(ctx context.Context, name string) (file io.ReadCloser, err error) {
	err = f.span(ctx, "open", func(context.Context) error {
		opened, err := storage.Django{View: backend.WithContext(ctx, f.view)}.OpenRead(name) // ctx outlives the span
		if err == nil {
			file = opened
		}
		return storageErrnos.Wrap(err)
	})
	return file, err
}

func (f *guestFiles) Save(ctx context.Context, name string, content io.Reader) (saved string, err error) {
	if f.readOnly {
		return "", abi.Denied
	}
	err = f.span(ctx, "save", func(ctx context.Context) (err error) {
		saved, err = f.view.Save(ctx, name, content, 0)
		return storageErrnos.Wrap(err)
	})
	return saved, err
}

func (f *guestFiles) Stat(ctx context.Context, name string) (abi.FileStat, error) {
	var info fs.FileInfo
	if err := f.span(ctx, "stat", func(ctx context.Context) (err error) {
		info, err = fs.Stat(backend.WithContext(ctx, f.view), name)
		return storageErrnos.Wrap(err)
	}); err != nil {
		return abi.FileStat{}, err
	}
	s := abi.FileStat{Modified: info.ModTime().UnixNano(), Folder: info.IsDir()}
	if !s.Folder {
		s.Size = info.Size()
	}
	return s, nil
}

func (f *guestFiles) List(ctx context.Context, name string, limit int) (folders, files []string, err error) {
	err = f.span(ctx, "list", func(ctx context.Context) (err error) {
		folders, files, err = f.list(ctx, name, limit)
		return err
	})
	return folders, files, err
}

func (f *guestFiles) list(ctx context.Context, name string, limit int) (folders, files []string, err error) {
	within := backend.WithContext(ctx, f.view)
	opened, err := within.Open(name)
	if err != nil {
		return nil, nil, storageErrnos.Wrap(err)
	}
	defer opened.Close()
	info, err := opened.Stat()
	if err != nil {
		return nil, nil, storageErrnos.Wrap(err)
	}
	folder, ok := opened.(fs.ReadDirFile)
	if !ok || !info.IsDir() {
		return nil, nil, abi.Invalid
	}
	for err == nil {
		var entries []fs.DirEntry
		entries, err = folder.ReadDir(limit + 1)
		if len(folders)+len(files)+len(entries) > limit {
			return nil, nil, abi.Limit
		}
		for _, e := range entries {
			if isFolder(within, name, e) {
				folders = append(folders, e.Name())
			} else {
				files = append(files, e.Name())
			}
		}
		if err == nil && ctx.Err() != nil {
			err = ctx.Err()
		}
	}
	if err != io.EOF {
		return nil, nil, storageErrnos.Wrap(err)
	}
	slices.Sort(folders)
	slices.Sort(files)
	return folders, files, nil
}

// isFolder reports whether an entry is a folder, or a symbolic link to one.
func isFolder(in fs.FS, name string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := fs.Stat(in, name+"/"+e.Name())
	return err == nil && info.IsDir()
}

func (f *guestFiles) Delete(ctx context.Context, name string) error {
	if f.readOnly {
		return abi.Denied
	}
	return f.span(ctx, "delete", func(ctx context.Context) error {
		return storageErrnos.Wrap(backend.WithContext(ctx, f.view).Delete(name))
	})
}

// URL does not call the guest, which is in the middle of a call.
func (f *guestFiles) URL(_ context.Context, name string) (string, error) {
	base := f.view.BaseURL()
	if base == "" {
		return "", abi.Unavailable
	}
	return tenancy.FileURL(base, name), nil
}

func (f *guestFiles) Close() error { return f.view.Close() }

// storageErrnos holds the errnos that guests get for errors of a storage.
var storageErrnos = hostfuncs.ErrnoTable{
	{storage.ErrSuspicious, abi.Invalid},
	{storage.ErrNoTenant, abi.Denied},
	{storage.ErrNoURL, abi.Unavailable},
	{storage.ErrQuota, abi.Limit},
	{storage.ErrDepth, abi.Limit},
	{storage.ErrTooLarge, abi.Limit},
	{storage.ErrFull, abi.Limit},
}

var _ hostfuncs.Files = (*guestFiles)(nil)
