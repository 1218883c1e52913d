package object

import (
	"cmp"
	"context"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/minio/minio-go/v7"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// list calls each for the objects below a folder. If all is false, these are the
// objects directly in it, and its folders, whose keys end with a slash. It stops
// when each returns false, and at the first error.
func (s *Storage) list(ctx context.Context, folder string, all bool, most int, each func(*minio.ObjectInfo) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	owner := false
	for object := range s.server.ListObjectsIter(ctx, s.config.Bucket, minio.ListObjectsOptions{
		Prefix: folder + "/", Recursive: all, MaxKeys: most, FetchOwner: &owner,
	}) {
		if object.Err != nil {
			return object.Err
		}
		if !each(&object) {
			return nil
		}
	}
	return ctx.Err()
}

// below returns at most most objects below a folder.
func (v *View) below(ctx context.Context, folder string, most int) (found []minio.ObjectInfo, err error) {
	err = v.storage.list(ctx, folder, true, most, func(o *minio.ObjectInfo) bool {
		found = append(found, *o)
		return len(found) < most
	})
	return found, err
}

// ReadDir lists a folder, by the rules of package io/fs.
func (v *View) ReadDir(name string) ([]fs.DirEntry, error) {
	key, err := v.plainKey("readdir", name)
	if err != nil {
		return nil, err
	}
	return v.readDir(key)
}

// readDir omits keys that are no valid names, which other programs may have
// created. If a file and a folder have the same name, it returns the file, which
// is what Open opens.
func (v *View) readDir(folder string) ([]fs.DirEntry, error) {
	name := v.rel(folder)
	entries := make(map[string]*info)
	empty := true
	err := v.storage.list(v.ctx, folder, false, 0, func(o *minio.ObjectInfo) bool {
		empty = false
		base, isFolder := strings.CutSuffix(strings.TrimPrefix(o.Key, folder+"/"), "/")
		switch {
		case !fs.ValidPath(base) || base == "." || strings.IndexByte(base, 0) >= 0 || backend.Reserved(base):
		case !isFolder:
			entries[base] = fileInfo(base, o)
		case entries[base] == nil:
			entries[base] = folderInfo(base)
		}
		return true
	})
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	if empty {
		switch i, err := v.stat(v.ctx, "readdir", folder); {
		case err != nil:
			return nil, err
		case !i.IsDir():
			return nil, &fs.PathError{Op: "readdir", Path: name, Err: syscall.ENOTDIR}
		}
	}
	list := make([]fs.DirEntry, 0, len(entries))
	for _, e := range entries {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return list, nil
}

// Usage counts all files of the tenant, whoever wrote them.
func (v *View) Usage(ctx context.Context) (storage.Usage, error) {
	if v.storage == nil {
		return storage.Usage{}, storage.ErrNoTenant
	}
	return v.storage.usage(ctx, v.Identifier())
}

func (s *Storage) usage(ctx context.Context, identifier string) (u storage.Usage, err error) {
	top := s.key(identifier)
	err = s.list(ctx, top, true, 0, func(o *minio.ObjectInfo) bool {
		if !strings.HasSuffix(o.Key, "/") && !backend.Reserved(o.Key[len(top):]) {
			u.Bytes += o.Size
			u.Files++
		}
		return true
	})
	return u, pathError("count", identifier, err)
}

// listing is an open folder.
type listing struct {
	view    *View
	key     string
	read    bool
	entries []fs.DirEntry
}

func (l *listing) Stat() (fs.FileInfo, error) { return folderInfo(l.view.rel(l.key)), nil }
func (l *listing) Close() error               { return nil }

// Read fails: it is a folder.
func (l *listing) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: path.Base(l.key), Err: syscall.EISDIR}
}

// ReadDir implements fs.ReadDirFile.
func (l *listing) ReadDir(n int) ([]fs.DirEntry, error) {
	if !l.read {
		entries, err := l.view.readDir(l.key)
		if err != nil {
			return nil, err
		}
		l.read, l.entries = true, entries
	}
	if n <= 0 {
		n = len(l.entries)
	} else if len(l.entries) == 0 {
		return nil, io.EOF
	}
	entries := l.entries[:min(n, len(l.entries))]
	l.entries = l.entries[len(entries):]
	return entries, nil
}

var _ fs.ReadDirFile = (*listing)(nil)
