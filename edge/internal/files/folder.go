package files

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// Folder is a folder of public files. Nothing outside of it is accessible: os.Root
// rejects symbolic links that lead out. Names that start with a dot are hidden,
// except .well-known.
type Folder struct{ root *os.Root }

// OpenFolder opens the folder at path.
func OpenFolder(path string) (*Folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("files: expected a readable folder: %w", err)
	}
	return &Folder{root}, nil
}

// Close closes the folder. Open files stay open.
func (f *Folder) Close() error { return f.root.Close() }

// Open opens a file or a folder. Every failure except Exhausted is fs.ErrNotExist,
// so that clients cannot distinguish them.
func (f *Folder) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) || hidden(name) {
		return nil, missing(name)
	}
	// Without blocking: a pipe would block the request forever.
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, unlessExhausted(name, err)
	}
	return file, nil
}

// Stat returns information about a file or a folder that Open opens.
func (f *Folder) Stat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) || hidden(name) {
		return nil, missing(name)
	}
	info, err := f.root.Stat(name)
	if err != nil {
		return nil, unlessExhausted(name, err)
	}
	return info, nil
}

// Location returns the path of the folder.
func (f *Folder) Location() string { return f.root.Name() }

// unlessExhausted returns fs.ErrNotExist for an error that does not mean that too
// many files are open: otherwise the file may exist.
func unlessExhausted(name string, err error) error {
	if Exhausted(err) {
		return err
	}
	return missing(name)
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

// Index returns the name of a folder's index.html.
func Index(folder string) string {
	if folder == "." {
		return "index.html"
	}
	return folder + "/index.html"
}

// hidden reports whether a segment of the name starts with a dot.
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

var _ located = (*Folder)(nil)
