package files

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// Folder is a folder whose files anybody may see, and nothing outside of it:
// os.Root refuses symbolic links that lead out. Names that start with a dot
// are not there, save .well-known.
type Folder struct{ root *os.Root }

// OpenFolder opens the folder at path.
func OpenFolder(path string) (*Folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("files: expected a folder that can be read: %w", err)
	}
	return &Folder{root}, nil
}

// Close closes the folder. Files that are open stay so.
func (f *Folder) Close() error { return f.root.Close() }

// Open opens a file or a folder. Whatever the reason for which it cannot, the
// error is fs.ErrNotExist: to those outside it looks the same.
func (f *Folder) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) || hidden(name) {
		return nil, missing(name)
	}
	// Without waiting: a pipe would hold the request up for ever.
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		if Exhausted(err) {
			return nil, err // it may be there
		}
		return nil, missing(name)
	}
	return file, nil
}

// HasIndex reports whether name is a folder with an index.html.
func (f *Folder) HasIndex(name string) bool {
	index := Index(name)
	if hidden(index) {
		return false
	}
	info, err := f.root.Stat(index)
	return err == nil && info.Mode().IsRegular()
}

// Index is the name of the file that stands for a folder.
func Index(folder string) string {
	if folder == "." {
		return "index.html"
	}
	return folder + "/index.html"
}

// hidden reports whether a part of the name starts with a dot.
func hidden(name string) bool {
	if name[0] != '.' && !strings.Contains(name, "/.") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part[0] == '.' && part != "." && part != ".well-known" {
			return true
		}
	}
	return false
}

var _ fs.FS = (*Folder)(nil)
