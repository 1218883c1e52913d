package files

import (
	"fmt"
	"io/fs"

	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// File is a regular file to send: an open one, or one in memory. Close it.
type File struct {
	info fs.FileInfo
	file fs.File   // nil: it is in memory
	kept *keptFile // nil: it is open
}

// ErrNotRegular is in the chain of the error of Open for a folder. So is
// fs.ErrNotExist: clients cannot distinguish the two.
var ErrNotRegular = fmt.Errorf("files: expected a regular file: %w", fs.ErrNotExist)

// Open opens a file of fsys, or finds it in memory.
func Open(fsys fs.FS, name string, o Options) (File, error) { return o.Cache.open(fsys, name) }

func open(fsys fs.FS, name string) (File, error) {
	f, info, err := backend.OpenInfo(fsys, name)
	if err != nil {
		return File{}, err
	}
	if !info.Mode().IsRegular() {
		_ = f.Close() // nothing was written
		return File{}, &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	return File{info: info, file: f}, nil
}

// Close closes the file.
func (f *File) Close() {
	if f.file != nil {
		_ = f.file.Close() // nothing was written
	}
}

// describe returns the header values of the file.
func (f *File) describe(cached *Descriptions) *description {
	if f.kept != nil {
		return f.kept.description
	}
	return cached.of(f.info)
}
