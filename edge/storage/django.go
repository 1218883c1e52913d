package storage

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"time"
)

// Django adds the remaining operations of Django's Storage class to a View.
// They take names as Django does.
type Django struct{ View }

// OpenRead opens a file for reading. A folder is syscall.EISDIR.
func (d Django) OpenRead(name string) (File, error) {
	rel, err := d.Resolve(name)
	if err != nil {
		return nil, err
	}
	opened, err := d.Open(rel)
	if err != nil {
		return nil, err
	}
	file, ok := opened.(File)
	if !ok {
		return nil, errors.Join(&fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}, opened.Close())
	}
	return file, nil
}

// Exists reports whether a name is taken: by a file, a folder, or a symbolic
// link, even a dangling one. If the tenant's own folder is a link, which Django
// would follow, or a file, that is an error: no file can be saved.
func (d Django) Exists(name string) (bool, error) {
	if strings.IndexByte(name, 0) >= 0 {
		return false, nil // no file can have this name
	}
	rel, err := d.Resolve(name)
	if err == nil {
		_, err = fs.Lstat(d.View, rel)
	}
	if errors.Is(err, syscall.ENOTDIR) {
		if _, own := fs.Lstat(d.View, "."); own != nil && !errors.Is(own, fs.ErrNotExist) {
			return false, own
		}
	}
	for _, free := range [...]error{fs.ErrNotExist, syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP} {
		if errors.Is(err, free) {
			return false, nil
		}
	}
	return err == nil, err
}

// AvailableName returns the name that Save would use; see the function
// [AvailableName]. Another saver may take it first, so Save checks again.
func (d Django) AvailableName(name string, maxLength int) (string, error) {
	return AvailableName(name, maxLength, d.Exists)
}

// ListDir returns the names of the folders and the files in a folder, each
// sorted. A symbolic link to a folder is a folder. The name "" is the tenant's
// own folder.
func (d Django) ListDir(name string) (dirs, files []string, err error) {
	rel, err := d.Resolve(name)
	if err != nil {
		return nil, nil, err
	}
	entries, err := d.ReadDir(rel)
	if err != nil {
		return nil, nil, err
	}
	dirs, files = []string{}, []string{}
	for _, e := range entries {
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := d.Stat(path.Join(rel, e.Name()))
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

// Size returns the size of a file in bytes.
func (d Django) Size(name string) (int64, error) {
	info, err := d.info(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Times are the results of Django's get_created_time, get_accessed_time and
// get_modified_time. As in Django, Created is the time when the inode changed.
// A time that the system or the server does not report is zero.
type Times struct {
	Created, Accessed, Modified time.Time
}

// Times returns the times of a file or folder.
func (d Django) Times(name string) (Times, error) {
	info, err := d.info(name)
	if err != nil {
		return Times{}, err
	}
	return timesOf(info), nil
}

func (d Django) info(name string) (fs.FileInfo, error) {
	rel, err := d.Resolve(name)
	if err != nil {
		return nil, err
	}
	return d.Stat(rel)
}
