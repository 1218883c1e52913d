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
)

// Create is [View.Save] under that name or none: fs.ErrExist if it is taken.
// The information is that of the new file. Nothing is left behind by content
// that fails.
func (v *View) Create(ctx context.Context, name string, content io.Reader) (fs.FileInfo, error) {
	key, err := v.newKey(name)
	if err != nil {
		return nil, err
	}
	rel := v.rel(key)
	taken := func(why error) error {
		return &fs.PathError{Op: "create", Path: rel, Err: errors.Join(fs.ErrExist, why)}
	}
	switch exists, err := v.exists(ctx, name); {
	case err != nil:
		return nil, err
	case exists:
		return nil, taken(nil)
	}
	switch err := v.checkFolders(ctx, key); {
	case errors.Is(err, syscall.ENOTDIR):
		return nil, taken(err)
	case err != nil:
		return nil, err
	}
	in, err := v.storage.ledger.Intake(ctx, &v.names, content, v.storage.config.MaxSize)
	if err != nil {
		return nil, err
	}
	return v.put(ctx, "create", key, in, func(object received) (string, error) {
		token, err := v.storage.create(ctx, key, object)
		return token, told("create", rel, err)
	})
}

// Replace exchanges a file for content in one step: whoever opens the name gets
// the one or the other. is tells whether a file is the one that is meant, and
// may be asked twice, before the content is read and after; if it is not, the
// error is ErrChanged.
//
// The server makes the new object only in the place of the one that is was
// asked about last, by its ETag. So concurrent replacers, wherever they are, do
// not replace each other's unseen, if the server honours If-Match: see
// [Storage.CheckReplace].
func (v *View) Replace(ctx context.Context, name string, content io.Reader, is func(fs.FileInfo) bool) (fs.FileInfo, error) {
	key, err := v.newKey(name)
	if err != nil {
		return nil, err
	}
	if _, err := v.meant(ctx, "replace", key, is); err != nil {
		return nil, err
	}
	in, err := v.storage.ledger.Replacement(ctx, &v.names, content, v.storage.config.MaxSize)
	if err != nil {
		return nil, err
	}
	return v.put(ctx, "replace", key, in, func(object received) (string, error) {
		old, err := v.meant(ctx, "replace", key, is)
		if err != nil {
			return "", err
		}
		token, err := v.storage.publish(ctx, key, object, seen(old.etag))
		if err != nil {
			return "", v.changed("replace", v.rel(key), err)
		}
		v.storage.ledger.Replaced(&v.names, old.Size())
		return token, nil
	})
}

// put takes all of the content, and lets publish make it the object of a key,
// which returns the token of that.
func (v *View) put(ctx context.Context, op, key string, in *storage.Intake, publish func(received) (string, error)) (fs.FileInfo, error) {
	made := false
	defer func() { in.Settle(made) }()
	object, err := v.storage.receive(ctx, v.Identifier(), in)
	if err != nil {
		return nil, told(op, v.rel(key), err)
	}
	defer object.discard(ctx)
	token, err := publish(object)
	if err != nil {
		return nil, err
	}
	made = true
	return v.made(ctx, key, token, object.length()), nil
}

// Remove is [View.Delete] of a file, and no folder, that is the one that is
// meant: ErrChanged otherwise, and fs.ErrNotExist where there is none.
//
// The server is told the ETag of the file that is was asked about. One that
// does not honour If-Match for removals removes a file as well that took its
// place since then, which is the time of one request.
func (v *View) Remove(name string, is func(fs.FileInfo) bool) error {
	key, err := v.key(name)
	if err != nil {
		return err
	}
	old, err := v.meant(v.ctx, "remove", key, is)
	if errors.Is(err, errFolder) {
		return &fs.PathError{Op: "remove", Path: v.rel(key), Err: fs.ErrNotExist}
	}
	if err != nil {
		return err
	}
	for tries := 1; ; tries++ {
		err = v.storage.removeOnly(v.ctx, key, old.etag)
		if !conflicting(err) || tries == mostConflicts || v.ctx.Err() != nil {
			break
		}
	}
	if err != nil && !refused(err) {
		after, cancel := afterwards(v.ctx)
		defer cancel()
		if _, found := v.storage.head(after, key); missing(found) {
			err = nil // the answer was lost
		}
	}
	if err != nil {
		return v.changed("remove", v.rel(key), err)
	}
	v.storage.ledger.Removed(&v.names, old.Size())
	return nil
}

// newKey is the key of a file that is to be written.
func (v *View) newKey(name string) (string, error) {
	if err := v.CheckNew(name); err != nil {
		return "", err
	}
	return v.key(name)
}

// errFolder is ErrChanged where there is no file, but a folder.
var errFolder = fmt.Errorf("%w: it is a folder", storage.ErrChanged)

// meant looks for a file, and asks whether it is the one that is meant.
func (v *View) meant(ctx context.Context, op, key string, is func(fs.FileInfo) bool) (*info, error) {
	found, err := v.look(ctx, op, key)
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

// changed is told, where the condition was that of a file which was seen.
func (v *View) changed(op, rel string, err error) error {
	if taken(err) {
		return &fs.PathError{Op: op, Path: rel, Err: fmt.Errorf("%w: %w", storage.ErrChanged, err)}
	}
	return told(op, rel, err)
}

// made tells about a file as all will be told who look at it. One that another
// has replaced by now, or that cannot be looked at, has the tag of no file.
func (v *View) made(ctx context.Context, key, token string, size int64) *info {
	object, err := v.storage.head(ctx, key)
	if err != nil || object.UserMetadata[saveToken] != token {
		return &info{name: path.Base(v.rel(key)), mode: 0o644, size: size, time: time.Now().UTC().Truncate(time.Second)}
	}
	return fileInfo(v.rel(key), &object)
}
