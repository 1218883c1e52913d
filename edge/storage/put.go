package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// ErrChanged tells that a file is not the one that was to be replaced or
// removed.
var ErrChanged = errors.New("storage: the file is another by now")

// Create is [View.Save] under that name or none: fs.ErrExist if it is taken.
// The information is that of the new file. Nothing is left behind by content
// that fails, not even a folder.
func (v *View) Create(ctx context.Context, name string, content io.Reader) (fs.FileInfo, error) {
	if err := checkRelative(name); err != nil {
		return nil, err
	}
	taken, err := v.Exists(name)
	if err == nil && taken {
		err = &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	if err != nil {
		return nil, err
	}
	return v.put(ctx, name, content, Usage{Files: 1}, func(root *folder, t *temporary, rel string, from *source) error {
		return v.inFolder(rel, from, func() error {
			if err := root.Link(t.name, rel); err != nil {
				return told(err, root.escapes)
			}
			if err := v.storage.syncUp(root.Root, path.Dir(rel)); err != nil {
				return errors.Join(err, root.Remove(rel))
			}
			return nil
		})
	})
}

// Replace exchanges a file for content in one step: whoever opens the name gets
// the one or the other. is tells whether a file is the one that is meant, and
// may be asked twice, before the content is read and after; if it is not, the
// error is ErrChanged. Concurrent replacers, of this process or any other, do
// not replace each other's unseen.
func (v *View) Replace(ctx context.Context, name string, content io.Reader, is func(fs.FileInfo) bool) (fs.FileInfo, error) {
	rel, err := v.resolve(name)
	if err != nil {
		return nil, err
	}
	before, err := v.Stat(rel)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() || !is(before) {
		return nil, fmt.Errorf("%w: %.200q", ErrChanged, name)
	}
	return v.put(ctx, name, content, Usage{}, func(root *folder, t *temporary, rel string, _ *source) error {
		old, err := root.holding(rel, is, func() error { return told(root.Rename(t.name, rel), root.escapes) })
		if err != nil {
			return err
		}
		if a := v.account(); a != nil {
			a.gone(Usage{Bytes: old.Size()})
		}
		return v.storage.sync(root.Root, path.Dir(rel))
	})
}

// Remove is [View.Delete] of a file, and no folder, that is the one that is
// meant: ErrChanged otherwise, and fs.ErrNotExist where there is none. Folders
// that are empty after it are removed too. When it returns, the name is gone from
// the disk, unless Config.NoSync is set.
func (v *View) Remove(name string, is func(fs.FileInfo) bool) error {
	rel, err := v.resolve(name)
	if err != nil {
		return err
	}
	root, err := v.root()
	if err != nil {
		return err
	}
	old, err := root.holding(rel, is, func() error { return told(root.Remove(rel), root.escapes) })
	if err != nil {
		return err
	}
	dir, removed := root.removeEmpty(path.Dir(rel))
	if a := v.account(); a != nil {
		a.gone(Usage{Bytes: old.Size(), Files: 1 + removed})
	}
	return v.storage.syncUp(root.Root, dir)
}

// holding does what takes a file's name away from it, while nobody else does.
func (f *folder) holding(name string, is func(fs.FileInfo) bool, do func() error) (fs.FileInfo, error) {
	file, info, err := f.open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info.IsDir() {
		return nil, &fs.PathError{Op: "replace", Path: name, Err: fs.ErrNotExist}
	}
	if err := hold(file); err != nil {
		return nil, err
	}
	named, err := f.Lstat(name)
	if err != nil || !os.SameFile(info, named) || !is(info) {
		return nil, errors.Join(fmt.Errorf("%w: %.200q", ErrChanged, name), unless(err, fs.ErrNotExist))
	}
	return info, do()
}

// put stages content beside all of the tenant's files, since its folder may
// not be there yet, and lets publish give it its name.
func (v *View) put(ctx context.Context, name string, content io.Reader, more Usage, publish func(*folder, *temporary, string, *source) error) (info fs.FileInfo, err error) {
	if err := checkRelative(name); err != nil {
		return nil, err
	}
	rel, err := v.resolve(name)
	if err != nil {
		return nil, err
	}
	if err := v.checkDepth(rel); err != nil {
		return nil, err
	}
	from := &source{ctx: ctx, content: content, account: v.account()}
	if from.account != nil {
		defer func() { from.account.settle(from.reserved, err == nil) }()
		if err := from.reserve(more); err != nil {
			return nil, err
		}
	}
	root, err := v.rootToWrite()
	if err != nil {
		return nil, err
	}
	t, err := v.storage.newTemporary(root)
	if err != nil {
		return nil, err
	}
	defer t.discard()
	if err := v.storage.fill(t.file, from); err != nil {
		return nil, t.named(err, rel)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v.adopt(t.file)
	if info, err = t.file.Stat(); err != nil {
		return nil, err
	}
	if err := publish(root, t, rel, from); err != nil {
		return nil, err
	}
	return info, nil
}
