package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// Create saves content under exactly this name, and returns information about
// the new file. A taken name is fs.ErrExist. Content that fails leaves nothing,
// not even a folder.
func (v *View) Create(ctx context.Context, name string, content io.Reader) (fs.FileInfo, error) {
	if _, err := v.ResolveNew(name); err != nil {
		return nil, err
	}
	taken, err := (storage.Django{View: v}).Exists(name)
	if err == nil && taken {
		err = &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	if err != nil {
		return nil, err
	}
	return v.put(ctx, name, content, storage.Usage{Files: 1}, func(root *folder, t *temporary, rel string, from *source) error {
		return v.inFolder(rel, from, func() error {
			if err := root.Link(t.name, rel); err != nil {
				return root.markEscape(err)
			}
			if err := v.storage.syncUp(root.Root, path.Dir(rel)); err != nil {
				return errors.Join(err, root.Remove(rel))
			}
			return nil
		})
	})
}

// Replace replaces a file atomically: whoever opens the name gets the old file
// or the new one. It calls is before and after it reads the content; if is
// reports false, the error is ErrChanged. Concurrent replacers, of this process
// or another, never replace a file that is has not seen.
func (v *View) Replace(ctx context.Context, name string, content io.Reader, is func(fs.FileInfo) bool) (fs.FileInfo, error) {
	rel, err := v.Resolve(name)
	if err != nil {
		return nil, err
	}
	before, err := v.Stat(rel)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() || !is(before) {
		return nil, fmt.Errorf("%w: %.200q", storage.ErrChanged, name)
	}
	return v.put(ctx, name, content, storage.Usage{}, func(root *folder, t *temporary, rel string, from *source) error {
		old, err := root.locked(rel, is, func() error { return root.markEscape(root.Rename(t.name, rel)) })
		if err != nil {
			return err
		}
		from.Account().Removed(storage.Usage{Bytes: old.Size()})
		return v.storage.sync(root.Root, path.Dir(rel))
	})
}

// Remove removes a file for which is reports true; otherwise the error is
// ErrChanged. A folder, and a missing file, is fs.ErrNotExist. It also removes
// the folders above that are empty then. When it returns, the removal is on
// disk, unless Config.NoSync is set.
func (v *View) Remove(name string, is func(fs.FileInfo) bool) error {
	rel, err := v.Resolve(name)
	if err != nil {
		return err
	}
	root, err := v.root()
	if err != nil {
		return err
	}
	old, err := root.locked(rel, is, func() error { return root.markEscape(root.Remove(rel)) })
	if err != nil {
		return err
	}
	dir, removed := root.removeEmpty(path.Dir(rel))
	v.account().Removed(storage.Usage{Bytes: old.Size(), Files: 1 + removed})
	return v.storage.syncUp(root.Root, dir)
}

// locked locks the file called name and calls do, which removes the name or gives
// it to another file. The error is ErrChanged if another file has taken the name,
// or if is reports false.
func (f *folder) locked(name string, is func(fs.FileInfo) bool, do func() error) (fs.FileInfo, error) {
	file, info, err := f.open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info.IsDir() {
		return nil, &fs.PathError{Op: "replace", Path: name, Err: fs.ErrNotExist}
	}
	if err := lock(file); err != nil {
		return nil, err
	}
	named, err := f.Lstat(name)
	if err != nil || !os.SameFile(info, named) || !is(info) {
		return nil, errors.Join(fmt.Errorf("%w: %.200q", storage.ErrChanged, name), unless(err, fs.ErrNotExist))
	}
	return info, do()
}

// put writes content to a temporary file in the tenant's folder, since the
// folder of the name may not exist yet. Then publish gives it the name.
func (v *View) put(ctx context.Context, name string, content io.Reader, more storage.Usage, publish func(root *folder, t *temporary, rel string, from *source) error) (info fs.FileInfo, err error) {
	rel, err := v.ResolveNew(name)
	if err != nil {
		return nil, err
	}
	from, err := v.newSource(ctx, content, more)
	if err != nil {
		return nil, err
	}
	defer func() { from.Settle(err == nil) }()
	root, err := v.rootToWrite()
	if err != nil {
		return nil, err
	}
	t, err := v.storage.newTemporary(root)
	if err != nil {
		return nil, err
	}
	defer t.discard()
	if err := v.fill(ctx, t, from, rel); err != nil {
		return nil, err
	}
	if info, err = t.file.Stat(); err != nil {
		return nil, err
	}
	if err := publish(root, t, rel, from); err != nil {
		return nil, err
	}
	return info, nil
}
