package disk

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// Open opens a file or folder for reading, by the rules of package io/fs. A
// file is an [*os.File].
func (v *View) Open(name string) (fs.File, error) {
	f, _, err := v.OpenInfo(name)
	return f, err
}

// OpenInfo is Open, and returns the information that opening needs anyway.
func (v *View) OpenInfo(name string) (fs.File, fs.FileInfo, error) {
	f, info, err := v.openPlain("open", name)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		return &listing{f}, info, nil
	}
	return f, info, nil
}

// Stat returns information about a file or folder, by the rules of package
// io/fs.
func (v *View) Stat(name string) (fs.FileInfo, error) {
	root, err := v.rootFor("stat", name)
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(name)
	return info, root.markEscape(err)
}

// Lstat is Stat, but does not follow a symbolic link.
func (v *View) Lstat(name string) (fs.FileInfo, error) {
	root, err := v.rootFor("lstat", name)
	if err != nil {
		return nil, err
	}
	info, err := root.Lstat(name)
	return info, root.markEscape(err)
}

// ReadLink returns the target of a symbolic link, wherever that leads.
func (v *View) ReadLink(name string) (string, error) {
	root, err := v.rootFor("readlink", name)
	if err != nil {
		return "", err
	}
	target, err := root.Readlink(name)
	return target, root.markEscape(err)
}

// ReadDir lists a folder, by the rules of package io/fs.
func (v *View) ReadDir(name string) ([]fs.DirEntry, error) {
	f, info, err := v.openPlain("readdir", name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: syscall.ENOTDIR}
	}
	entries, err := (&listing{f}).ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, err
}

func (v *View) openPlain(op, name string) (*os.File, fs.FileInfo, error) {
	root, err := v.rootFor(op, name)
	if err != nil {
		return nil, nil, err
	}
	return root.open(name, os.O_RDONLY)
}

// rootFor checks a name by the rules of package io/fs, and returns the tenant's
// folder.
func (v *View) rootFor(op, name string) (*folder, error) {
	if err := v.CheckPlain(op, name); err != nil {
		return nil, err
	}
	return v.root()
}

// open opens a file or a folder. It rejects pipes and devices, and does not wait
// for the other end of a pipe.
func (f *folder) open(name string, flag int) (*os.File, fs.FileInfo, error) {
	file, err := f.OpenFile(name, flag|syscall.O_NONBLOCK, 0o666)
	if err != nil {
		return nil, nil, f.markEscape(err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("%w: neither a file nor a folder", storage.ErrSuspicious)}
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// OpenFile opens a file as Django's open does: os.O_RDONLY is mode "rb", and
// os.O_WRONLY|os.O_CREATE|os.O_TRUNC is "wb", which writes in place. A folder is
// syscall.EISDIR. Writes in place cannot be counted, so for a tenant with a quota
// they are ErrQuota.
func (v *View) OpenFile(name string, flag int) (*os.File, error) {
	rel, err := v.Resolve(name)
	if err != nil {
		return nil, err
	}
	root, err := v.root()
	if err != nil {
		return nil, err
	}
	const writes = os.O_WRONLY | os.O_RDWR | os.O_CREATE | os.O_TRUNC | os.O_APPEND
	if flag&writes != 0 && v.storage.Quota(v.Tenant()) != (storage.Quota{}) {
		return nil, fmt.Errorf("%w: a tenant with a quota cannot write in place", storage.ErrQuota)
	}
	file, info, err := root.open(rel, flag)
	if err == nil && info.IsDir() {
		return nil, errors.Join(&fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}, file.Close())
	}
	return file, err
}

// has reports whether a name exists.
func (f *folder) has(name string) (bool, error) {
	_, err := f.Lstat(name)
	if err == nil {
		return true, nil
	}
	return false, unless(f.markEscape(err), fs.ErrNotExist, syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP)
}

// Delete removes a file, a symbolic link, or an empty folder. A missing one is
// no error.
func (v *View) Delete(name string) error {
	if name == "" {
		return errors.New("storage: delete: expected a name, found none")
	}
	rel, err := v.Resolve(name)
	if err != nil {
		return err
	}
	if rel == "." {
		return backend.Suspicious(name, "is the folder of all files")
	}
	root, err := v.root()
	if err != nil {
		return unless(err, fs.ErrNotExist)
	}
	a := v.account()
	var before fs.FileInfo
	if a != nil {
		before, _ = root.Lstat(rel) // a missing file is not counted
	}
	err = root.Remove(rel)
	if err == nil && before != nil && before.Mode().IsRegular() {
		a.Removed(storage.Usage{Bytes: before.Size(), Files: 1})
	}
	return unless(root.markEscape(err), fs.ErrNotExist)
}

// listing is an open folder that hides reserved names.
type listing struct{ file *os.File }

func (l *listing) Stat() (fs.FileInfo, error) { return l.file.Stat() }
func (l *listing) Close() error               { return l.file.Close() }

// Read fails: it is a folder.
func (l *listing) Read(p []byte) (int, error) { return l.file.Read(p) }

// ReadDir implements fs.ReadDirFile. It reads on until it has an entry to return.
func (l *listing) ReadDir(n int) ([]fs.DirEntry, error) {
	for {
		entries, err := l.file.ReadDir(n)
		entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return backend.Reserved(e.Name()) })
		if err != nil || n <= 0 || len(entries) > 0 {
			if err == io.EOF && len(entries) > 0 {
				err = nil
			}
			return entries, err
		}
	}
}

var _ fs.ReadDirFile = (*listing)(nil)
