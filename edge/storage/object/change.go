package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"syscall"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// Create saves content under exactly this name, and returns information about
// the new file. A taken name is fs.ErrExist. Content that fails leaves nothing.
func (v *View) Create(ctx context.Context, name string, content io.Reader) (fs.FileInfo, error) {
	key, err := v.newKey(name)
	if err != nil {
		return nil, err
	}
	rel := v.rel(key)
	takenError := func(why error) error {
		return &fs.PathError{Op: "create", Path: rel, Err: errors.Join(fs.ErrExist, why)}
	}
	switch exists, err := v.exists(ctx, name); {
	case err != nil:
		return nil, err
	case exists:
		return nil, takenError(nil)
	}
	switch err := v.checkFolders(ctx, key); {
	case errors.Is(err, syscall.ENOTDIR):
		return nil, takenError(err)
	case err != nil:
		return nil, err
	}
	in, err := v.storage.ledger.Intake(ctx, &v.names, content, v.storage.config.MaxSize, storage.Usage{Files: 1})
	if err != nil {
		return nil, err
	}
	return v.put(ctx, "create", key, in, func(object received) (string, error) {
		token, err := v.storage.create(ctx, key, object)
		return token, pathError("create", rel, err)
	})
}

// Replace replaces a file atomically: whoever opens the name gets the old file
// or the new one. It calls is before and after it reads the content; if is
// reports false, the error is ErrChanged.
//
// The server creates the new object only in place of the object that is saw
// last, by its ETag. So no replacement is lost unseen, wherever it comes from, if
// the server honours If-Match: see [Storage.CheckReplace].
func (v *View) Replace(ctx context.Context, name string, content io.Reader, is func(fs.FileInfo) bool) (fs.FileInfo, error) {
	key, err := v.newKey(name)
	if err != nil {
		return nil, err
	}
	if _, err := v.match(ctx, "replace", key, is); err != nil {
		return nil, err
	}
	in, err := v.storage.ledger.Intake(ctx, &v.names, content, v.storage.config.MaxSize, storage.Usage{})
	if err != nil {
		return nil, err
	}
	return v.put(ctx, "replace", key, in, func(object received) (string, error) {
		old, err := v.match(ctx, "replace", key, is)
		if err != nil {
			return "", err
		}
		token, err := v.storage.publish(ctx, key, object, etag(old.etag))
		if err != nil {
			return "", v.changeError("replace", v.rel(key), err)
		}
		in.Account().Removed(storage.Usage{Bytes: old.Size()})
		return token, nil
	})
}

// put reads all of the content, and calls publish to make it the object of a
// key. publish returns the token of the object.
func (v *View) put(ctx context.Context, op, key string, in *backend.Intake, publish func(received) (string, error)) (fs.FileInfo, error) {
	published := false
	defer func() { in.Settle(published) }()
	object, err := v.storage.receive(ctx, v.Identifier(), in)
	if err != nil {
		return nil, pathError(op, v.rel(key), err)
	}
	defer object.discard(ctx)
	token, err := publish(object)
	if err != nil {
		return nil, err
	}
	published = true
	return v.published(ctx, key, token, object.length()), nil
}

// Remove removes a file for which is reports true; otherwise the error is
// ErrChanged. A folder, and a missing file, is fs.ErrNotExist.
//
// The request has the ETag of the file that is saw. A server that ignores
// If-Match for removals also removes a file that took its place since, which is
// the time of one request.
func (v *View) Remove(name string, is func(fs.FileInfo) bool) error {
	key, err := v.key(name)
	if err != nil {
		return err
	}
	old, err := v.match(v.ctx, "remove", key, is)
	if errors.Is(err, errFolder) {
		return &fs.PathError{Op: "remove", Path: v.rel(key), Err: fs.ErrNotExist}
	}
	if err != nil {
		return err
	}
	for tries := 1; ; tries++ {
		err = v.storage.removeOnly(v.ctx, key, old.etag)
		if !conflicting(err) || tries == maxConflicts || v.ctx.Err() != nil {
			break
		}
	}
	if err != nil && !rejected(err) {
		after, cancel := afterwards(v.ctx)
		defer cancel()
		if _, found := v.storage.head(after, key); missing(found) {
			err = nil // the answer was lost
		}
	}
	if err != nil {
		return v.changeError("remove", v.rel(key), err)
	}
	v.account().Removed(storage.Usage{Bytes: old.Size(), Files: 1})
	return nil
}

// errFolder is ErrChanged for a folder.
var errFolder = fmt.Errorf("%w: it is a folder", storage.ErrChanged)

// match returns information about a file for which is reports true.
func (v *View) match(ctx context.Context, op, key string, is func(fs.FileInfo) bool) (*info, error) {
	found, err := v.stat(ctx, op, key)
	switch {
	case err != nil:
		return nil, err
	case found.IsDir():
		return nil, &fs.PathError{Op: op, Path: v.rel(key), Err: errFolder}
	case !is(found):
		return nil, &fs.PathError{Op: op, Path: v.rel(key), Err: storage.ErrChanged}
	}
	return found, nil
}

// changeError is pathError for a request that was conditional on an ETag.
func (v *View) changeError(op, rel string, err error) error {
	if taken(err) {
		return &fs.PathError{Op: op, Path: rel, Err: fmt.Errorf("%w: %w", storage.ErrChanged, err)}
	}
	return pathError(op, rel, err)
}

// published returns information about a new file, as Stat does. If the file has
// been replaced since, or cannot be examined, the ETag is empty.
func (v *View) published(ctx context.Context, key, token string, size int64) *info {
	object, err := v.storage.head(ctx, key)
	if err != nil || object.UserMetadata[saveToken] != token {
		return &info{name: path.Base(v.rel(key)), mode: 0o644, size: size, time: time.Now().UTC().Truncate(time.Second)}
	}
	return fileInfo(v.rel(key), &object)
}
