package storage

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Open opens a file or folder for reading, by the rules of package io/fs. A
// file is an [*os.File].
func (v *View) Open(name string) (fs.File, error) {
	f, _, err := v.OpenInfo(name)
	return f, err
}

// OpenInfo is Open with what Stat tells of the file, which was asked for in any
// case.
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

// Stat tells about a file or folder, by the rules of package io/fs.
func (v *View) Stat(name string) (fs.FileInfo, error) {
	if err := v.checkPlain("stat", name); err != nil {
		return nil, err
	}
	root, err := v.root()
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(name)
	return info, told(err, root.escapes)
}

// Lstat is Stat of a link itself.
func (v *View) Lstat(name string) (fs.FileInfo, error) {
	if err := v.checkPlain("lstat", name); err != nil {
		return nil, err
	}
	root, err := v.root()
	if err != nil {
		return nil, err
	}
	info, err := root.Lstat(name)
	return info, told(err, root.escapes)
}

// ReadLink tells what a link says, wherever that leads.
func (v *View) ReadLink(name string) (string, error) {
	if err := v.checkPlain("readlink", name); err != nil {
		return "", err
	}
	root, err := v.root()
	if err != nil {
		return "", err
	}
	target, err := root.Readlink(name)
	return target, told(err, root.escapes)
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
	if err := v.checkPlain(op, name); err != nil {
		return nil, nil, err
	}
	root, err := v.root()
	if err != nil {
		return nil, nil, err
	}
	return root.open(name, os.O_RDONLY)
}

// open opens what is a file or a folder. Neither opening nor reading waits for
// somebody: a pipe that lies among the files is refused.
func (f *folder) open(name string, flag int) (*os.File, fs.FileInfo, error) {
	file, err := f.OpenFile(name, flag|syscall.O_NONBLOCK, 0o666)
	if err != nil {
		return nil, nil, told(err, f.escapes)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("%w: neither a file nor a folder", ErrSuspicious)}
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// OpenFile opens a file as Django's open does with a mode: os.O_RDONLY is
// "rb", and os.O_WRONLY|os.O_CREATE|os.O_TRUNC is "wb", which writes in place.
// A folder is no file. What is written in place cannot be measured, so that a
// tenant with a quota may not: ErrQuota.
func (v *View) OpenFile(name string, flag int) (*os.File, error) {
	rel, err := v.resolve(name)
	if err != nil {
		return nil, err
	}
	root, err := v.root()
	if err != nil {
		return nil, err
	}
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND) != 0 && v.storage.quotaOf(v.tenant) != (Quota{}) {
		return nil, fmt.Errorf("%w: a file cannot be written in place under one", ErrQuota)
	}
	file, info, err := root.open(rel, flag)
	if err == nil && info.IsDir() {
		return nil, errors.Join(&fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}, file.Close())
	}
	return file, err
}

// Exists reports whether the name is taken: by a file, a folder, or a link,
// whether it leads anywhere or not.
func (v *View) Exists(name string) (bool, error) {
	if strings.IndexByte(name, 0) >= 0 {
		return false, nil // there cannot be one
	}
	rel, err := v.resolve(name)
	if err != nil {
		return false, unless(err, syscall.ENAMETOOLONG)
	}
	root, err := v.root()
	if err != nil {
		return false, unless(err, fs.ErrNotExist)
	}
	return root.has(rel)
}

func (f *folder) has(name string) (bool, error) {
	_, err := f.Lstat(name)
	if err == nil {
		return true, nil
	}
	return false, unless(told(err, f.escapes), fs.ErrNotExist, syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP)
}

// unless is err, or nil if it is one of those.
func unless(err error, those ...error) error {
	for _, e := range those {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

// ListDir is Django's listdir: names of the folders and of the files in a
// folder, both in order. A link to a folder is a folder. The name "" is the
// tenant's own folder.
func (v *View) ListDir(name string) (dirs, files []string, err error) {
	rel, err := v.resolve(name)
	if err != nil {
		return nil, nil, err
	}
	entries, err := v.ReadDir(rel)
	if err != nil {
		return nil, nil, err
	}
	dirs, files = []string{}, []string{}
	for _, e := range entries {
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := v.Stat(path.Join(rel, e.Name()))
			isDir = err == nil && info.IsDir()
		}
		if isDir {
			dirs = append(dirs, e.Name())
		} else {
			files = append(files, e.Name())
		}
	}
	return dirs, files, nil
}

// Size is that of the file, in bytes.
func (v *View) Size(name string) (int64, error) {
	info, err := v.info(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Times are what Django's get_created_time, get_accessed_time and
// get_modified_time say of a file. Created is the change of the inode, as
// there. Where the system does not tell, a time is zero.
type Times struct {
	Created, Accessed, Modified time.Time
}

// Times tells when the file was created, read and written.
func (v *View) Times(name string) (Times, error) {
	info, err := v.info(name)
	if err != nil {
		return Times{}, err
	}
	return timesOf(info), nil
}

func (v *View) info(name string) (fs.FileInfo, error) {
	rel, err := v.resolve(name)
	if err != nil {
		return nil, err
	}
	return v.Stat(rel)
}

// Delete removes a file, a link, or a folder that is empty. One that is not
// there is no error.
func (v *View) Delete(name string) error {
	if name == "" {
		return errors.New("storage: delete: expected a name, found none")
	}
	rel, err := v.resolve(name)
	if err != nil {
		return err
	}
	if rel == "." {
		return suspicious(name, "is the folder of all files")
	}
	root, err := v.root()
	if err != nil {
		return unless(err, fs.ErrNotExist)
	}
	a := v.account()
	var before fs.FileInfo
	if a != nil {
		before, _ = root.Lstat(rel) // if there is none, there is nothing to count
	}
	err = root.Remove(rel)
	if err == nil && before != nil && before.Mode().IsRegular() {
		a.removed(before.Size())
	}
	return unless(told(err, root.escapes), fs.ErrNotExist)
}

// listing is an open folder that does not show temporary files.
type listing struct{ file *os.File }

func (l *listing) Stat() (fs.FileInfo, error) { return l.file.Stat() }
func (l *listing) Close() error               { return l.file.Close() }

// Read fails as reading a folder does.
func (l *listing) Read(p []byte) (int, error) { return l.file.Read(p) }

// ReadDir reads on until it has something to show.
func (l *listing) ReadDir(n int) ([]fs.DirEntry, error) {
	for {
		entries, err := l.file.ReadDir(n)
		entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return reserved(e.Name()) })
		if err != nil || n <= 0 || len(entries) > 0 {
			if err == io.EOF && len(entries) > 0 {
				err = nil
			}
			return entries, err
		}
	}
}

var (
	_ fs.ReadDirFS   = (*View)(nil)
	_ fs.ReadLinkFS  = (*View)(nil)
	_ fs.StatFS      = (*View)(nil)
	_ fs.ReadDirFile = (*listing)(nil)
)
