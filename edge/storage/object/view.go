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
)

// View is the files of one tenant. It is safe for concurrent use.
//
// A server has no folders: one is there for as long as there is a file below
// it. That above all of the tenant's files is always there.
type View struct {
	names
	storage *Storage
	tenant  storage.Tenant
	ctx     context.Context
	closed  *atomic.Bool // of all that were made of one by WithContext
}

// names are those of the tenant's files, as a field that others do not see.
type names = storage.Names

// WithContext is the same files for one request: what waits for the server
// without a context of its own, and the files that are opened, end with ctx.
func (v *View) WithContext(ctx context.Context) storage.Files {
	w := *v
	w.ctx = ctx
	return &w
}

// Close ends the use of the view. Files that were opened stay open.
func (v *View) Close() error {
	if v.closed != nil {
		v.closed.Store(true)
	}
	return nil
}

// key of the object with a name, as Django takes it.
func (v *View) key(name string) (string, error) {
	key, err := v.Key(name)
	if err != nil {
		return "", err
	}
	return v.usable("resolve", key)
}

// plainKey is key for names by the rules of package io/fs.
func (v *View) plainKey(op, name string) (string, error) {
	key, err := v.PlainKey(op, name)
	if err != nil {
		return "", err
	}
	return v.usable(op, key)
}

// longestSegment is what file systems have room for. Servers that keep objects
// in one refuse more, and files should not be bound to a bucket for ever.
const longestSegment = 255

// usable is the key in the bucket, if there can be one.
func (v *View) usable(op, key string) (string, error) {
	if v.closed.Load() {
		return "", fmt.Errorf("object: view of the files of %q: %w", v.Identifier(), fs.ErrClosed)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if len(segment) > longestSegment {
			return "", &fs.PathError{Op: op, Path: segment[:200], Err: syscall.ENAMETOOLONG}
		}
	}
	return v.storage.key(key), nil
}

// top is the key of the folder above all of the tenant's files.
func (v *View) top() string { return v.storage.key(v.Identifier()) }

// rel is the name of the file with a key.
func (v *View) rel(key string) string {
	if key == v.top() {
		return "."
	}
	return strings.TrimPrefix(key, v.top()+"/")
}

// look tells about the object with a key, or the folder if there is none.
func (v *View) look(ctx context.Context, op, key string) (*info, error) {
	name := v.rel(key)
	if name != "." {
		object, err := v.storage.head(ctx, key)
		if err == nil {
			return fileInfo(name, &object), nil
		}
		if !missing(err) {
			return nil, told(op, name, err)
		}
		some, err := v.below(ctx, key, 1)
		if err != nil {
			return nil, told(op, name, err)
		}
		if len(some) == 0 {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
	}
	return folderInfo(name), nil
}

// Stat tells about a file or folder, by the rules of package io/fs.
func (v *View) Stat(name string) (fs.FileInfo, error) {
	key, err := v.plainKey("stat", name)
	if err != nil {
		return nil, err
	}
	i, err := v.look(v.ctx, "stat", key)
	if err != nil {
		return nil, err
	}
	return i, nil
}

// Exists reports whether the name is taken, by a file or a folder.
func (v *View) Exists(name string) (bool, error) { return v.exists(v.ctx, name) }

func (v *View) exists(ctx context.Context, name string) (bool, error) {
	if strings.IndexByte(name, 0) >= 0 {
		return false, nil // there cannot be one
	}
	key, err := v.key(name)
	if err == nil {
		_, err = v.look(ctx, "stat", key)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENAMETOOLONG) {
		return false, nil
	}
	return err == nil, err
}

// AvailableName is [storage.View.AvailableName].
func (v *View) AvailableName(name string, maxLength int) (string, error) {
	return storage.FreeName(name, maxLength, v.Exists)
}

// Size is that of the file, in bytes; that of a folder is none.
func (v *View) Size(name string) (int64, error) {
	i, err := v.info(name)
	if err != nil {
		return 0, err
	}
	return i.Size(), nil
}

// Times tells when the file was written. A server does not know the others.
func (v *View) Times(name string) (storage.Times, error) {
	i, err := v.info(name)
	if err != nil {
		return storage.Times{}, err
	}
	return storage.Times{Modified: i.ModTime()}, nil
}

func (v *View) info(name string) (*info, error) {
	key, err := v.key(name)
	if err != nil {
		return nil, err
	}
	return v.look(v.ctx, "stat", key)
}

// Delete removes a file. One that is not there is no error; a folder goes with
// the last file in it, and cannot be removed before.
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
		return fmt.Errorf("object: %.200q is the folder of all files: %w", name, storage.ErrSuspicious)
	}
	object, err := v.storage.head(v.ctx, key)
	switch {
	case err == nil:
		if err := v.storage.remove(v.ctx, key); err != nil {
			return told("remove", rel, err)
		}
		v.storage.ledger.Removed(&v.names, object.Size)
		return nil
	case !missing(err):
		return told("remove", rel, err)
	}
	some, err := v.below(v.ctx, key, 2)
	switch {
	case err != nil:
		return told("remove", rel, err)
	case len(some) == 0:
		return nil
	case len(some) == 1 && some[0].Key == key+"/": // an object that other programs make for a folder
		return told("remove", rel, v.storage.remove(v.ctx, key+"/"))
	}
	return &fs.PathError{Op: "remove", Path: rel, Err: syscall.ENOTEMPTY}
}

// info tells about a file or folder.
type info struct {
	name string
	mode fs.FileMode
	size int64
	time time.Time
	etag string
}

// fileInfo leaves out what one answer of a server has and another has not:
// times to the millisecond.
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

// Sys is the ETag that the server gave a file, without quotes: a string that
// changes with the content.
func (i *info) Sys() any { return i.etag }

var (
	_ storage.Files = (*View)(nil)
	_ fs.DirEntry   = (*info)(nil)
)
