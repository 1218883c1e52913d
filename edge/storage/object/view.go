package object

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// View is the files of one tenant. It is safe for concurrent use.
//
// A server has no folders: a folder exists while there is a file below it. The
// folder above all of the tenant's files always exists.
type View struct {
	names
	storage *Storage
	ctx     context.Context
	closed  *atomic.Bool // shared with the views that WithContext returned
}

type names = backend.Names // a field that other packages do not see

// WithContext returns the view for one request: requests to the server that have
// no context parameter, and reads of opened files, end with ctx.
func (v *View) WithContext(ctx context.Context) storage.View {
	w := *v
	w.ctx = ctx
	return &w
}

// Close ends the use of the view. Open files stay open.
func (v *View) Close() error {
	if v.closed != nil {
		v.closed.Store(true)
	}
	return nil
}

// key returns the key of the file that Django calls name.
func (v *View) key(name string) (string, error) {
	rel, err := v.Resolve(name)
	if err != nil {
		return "", err
	}
	return v.keyOf("resolve", rel)
}

// newKey is key for a file that is to be created.
func (v *View) newKey(name string) (string, error) {
	rel, err := v.ResolveNew(name)
	if err != nil {
		return "", err
	}
	return v.keyOf("resolve", rel)
}

// plainKey is key for names by the rules of package io/fs.
func (v *View) plainKey(op, name string) (string, error) {
	if err := v.CheckPlain(op, name); err != nil {
		return "", err
	}
	return v.keyOf(op, name)
}

// longestSegment is the limit of file systems, in bytes. Servers that keep
// objects in one have it, and files should be able to move to a disk.
const longestSegment = 255

// keyOf returns the key of a resolved name.
func (v *View) keyOf(op, rel string) (string, error) {
	if v.closed.Load() {
		return "", fmt.Errorf("object: view of the files of %q: %w", v.Identifier(), fs.ErrClosed)
	}
	key := path.Join(v.Identifier(), rel)
	for segment := range strings.SplitSeq(key, "/") {
		if len(segment) > longestSegment {
			return "", &fs.PathError{Op: op, Path: segment[:200], Err: syscall.ENAMETOOLONG}
		}
	}
	return v.storage.key(key), nil
}

// top returns the key of the folder above all of the tenant's files.
func (v *View) top() string { return v.storage.key(v.Identifier()) }

// rel returns the name of the file with a key.
func (v *View) rel(key string) string {
	if key == v.top() {
		return "."
	}
	return strings.TrimPrefix(key, v.top()+"/")
}

// stat returns information about the object with a key, or about the folder if
// there is no object.
func (v *View) stat(ctx context.Context, op, key string) (*info, error) {
	name := v.rel(key)
	if name != "." {
		object, err := v.storage.head(ctx, key)
		if err == nil {
			return fileInfo(name, &object), nil
		}
		if !missing(err) {
			return nil, pathError(op, name, err)
		}
		some, err := v.below(ctx, key, 1)
		if err != nil {
			return nil, pathError(op, name, err)
		}
		if len(some) == 0 {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
	}
	return folderInfo(name), nil
}

// Stat returns information about a file or folder, by the rules of package
// io/fs. Sys is the ETag of a file, a string without quotes. The size of a
// folder is 0.
func (v *View) Stat(name string) (fs.FileInfo, error) {
	key, err := v.plainKey("stat", name)
	if err != nil {
		return nil, err
	}
	i, err := v.stat(v.ctx, "stat", key)
	if err != nil {
		return nil, err
	}
	return i, nil
}

// exists reports whether a name is taken, by a file or a folder.
func (v *View) exists(ctx context.Context, name string) (bool, error) {
	return storage.Django{View: v.WithContext(ctx)}.Exists(name)
}

// Delete removes a file. A missing one is no error. A folder disappears with its
// last file and cannot be removed before.
func (v *View) Delete(name string) error {
	if name == "" {
		return errors.New("object: delete: expected a name, found none")
	}
	key, err := v.key(name)
	if err != nil {
		return err
	}
	rel := v.rel(key)
	if rel == "." {
		return backend.Suspicious(name, "is the folder of all files")
	}
	object, err := v.storage.head(v.ctx, key)
	switch {
	case err == nil:
		if err := v.storage.remove(v.ctx, key); err != nil {
			return pathError("remove", rel, err)
		}
		v.account().Removed(storage.Usage{Bytes: object.Size, Files: 1})
		return nil
	case !missing(err):
		return pathError("remove", rel, err)
	}
	some, err := v.below(v.ctx, key, 2)
	switch {
	case err != nil:
		return pathError("remove", rel, err)
	case len(some) == 0:
		return nil
	case len(some) == 1 && some[0].Key == key+"/": // other programs create such objects for folders
		return pathError("remove", rel, v.storage.remove(v.ctx, key+"/"))
	}
	return &fs.PathError{Op: "remove", Path: rel, Err: syscall.ENOTEMPTY}
}

// account returns the account of the tenant; nil, whose methods do nothing, if
// the tenant has no quota.
func (v *View) account() *backend.Account { return v.storage.ledger.Account(&v.names) }

// info describes a file or folder.
type info struct {
	name string
	mode fs.FileMode
	size int64
	time time.Time
	etag string
}

// fileInfo truncates the time to seconds: only some answers of a server have
// milliseconds.
func fileInfo(name string, o *minio.ObjectInfo) *info {
	return &info{name: path.Base(name), mode: 0o644, size: o.Size, time: o.LastModified.UTC().Truncate(time.Second), etag: o.ETag}
}

func folderInfo(name string) *info { return &info{name: path.Base(name), mode: fs.ModeDir | 0o755} }

func (i *info) Name() string               { return i.name }
func (i *info) Size() int64                { return i.size }
func (i *info) Mode() fs.FileMode          { return i.mode }
func (i *info) Type() fs.FileMode          { return i.mode.Type() }
func (i *info) ModTime() time.Time         { return i.time }
func (i *info) IsDir() bool                { return i.mode.IsDir() }
func (i *info) Info() (fs.FileInfo, error) { return i, nil }
func (i *info) String() string             { return fs.FormatFileInfo(i) }
func (i *info) Sys() any                   { return i.etag }

var (
	_ storage.View   = (*View)(nil)
	_ backend.Editor = (*View)(nil)
	_ backend.Meter  = (*View)(nil)
	_ backend.Linker = (*View)(nil)
	_ fs.DirEntry    = (*info)(nil)
)
