package server

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
)

// files serves a folder, and nothing outside of it: os.Root refuses symbolic
// links that lead out. Folders without an index.html are not listed, and names
// that start with a dot are not there, save .well-known.
type files struct {
	root   *os.Root
	server http.Handler
}

func openFiles(folder string) (*files, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("files: expected a folder that can be read: %w", err)
	}
	return &files{root: root, server: http.FileServerFS(publicFS{root.FS()})}, nil
}

func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeError(w, http.StatusMethodNotAllowed, "")
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	f.server.ServeHTTP(w, r)
}

// publicFS leaves out of a file system what nobody should see.
type publicFS struct{ fs.FS }

func (p publicFS) Open(name string) (fs.File, error) {
	missing := &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != "." && part != ".well-known" {
			return nil, missing
		}
	}
	f, err := p.FS.Open(name)
	if err != nil {
		return nil, missing // whatever the reason, it looks the same
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		info, err = fs.Stat(p.FS, path.Join(name, "index.html"))
	}
	if err != nil || !info.Mode().IsRegular() {
		_ = f.Close() // it was only looked at
		return nil, missing
	}
	return f, nil
}
