package hostfuncs

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// memoryFiles is a Files in memory.
type memoryFiles struct {
	tenant string
	files  map[string]string
	opened *int // readers and Files not yet closed
	err    error
}

func (s *memoryFiles) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	content, ok := s.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	*s.opened++
	return &memoryReader{ctx, strings.NewReader(content), s.opened}, nil
}

type memoryReader struct {
	ctx context.Context
	*strings.Reader
	opened *int
}

// Read fails after the context of Open is done, as a server's file does.
func (r *memoryReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

func (r *memoryReader) Close() error {
	*r.opened--
	return nil
}

func (s *memoryFiles) Save(_ context.Context, name string, content io.Reader) (string, error) {
	if s.err != nil {
		return "", s.err
	}
	b, err := io.ReadAll(content)
	if err != nil {
		return "", err
	}
	for n := 1; s.files[name] != ""; n++ {
		name = fmt.Sprint(name, "_", n)
	}
	s.files[name] = string(b)
	return name, nil
}

func (s *memoryFiles) Stat(_ context.Context, name string) (abi.FileStat, error) {
	content, ok := s.files[name]
	if !ok {
		return abi.FileStat{}, fs.ErrNotExist
	}
	return abi.FileStat{Size: int64(len(content)), Modified: 1e9}, nil
}

func (s *memoryFiles) List(_ context.Context, _ string, most int) (folders, files []string, err error) {
	for name := range s.files {
		files = append(files, name)
	}
	if len(files) > most {
		return nil, nil, abi.Limit
	}
	slices.Sort(files)
	return []string{"d"}, files, nil
}

func (s *memoryFiles) Delete(_ context.Context, name string) error {
	delete(s.files, name)
	return nil
}

func (s *memoryFiles) URL(_ context.Context, name string) (string, error) {
	return "/media/" + name, nil
}

func (s *memoryFiles) Close() error {
	*s.opened--
	return nil
}

// Files implements Services for world.
func (w *world) Files(_ context.Context, last Files) (Files, error) {
	if w.tenant == "" {
		return nil, abi.Denied
	}
	if s, ok := last.(*memoryFiles); ok && s.tenant == w.tenant {
		return last, nil
	}
	if w.files == nil {
		w.files = map[string]map[string]string{}
	}
	if w.files[w.tenant] == nil {
		w.files[w.tenant] = map[string]string{"a.txt": w.tenant}
	}
	w.opened++
	return &memoryFiles{w.tenant, w.files[w.tenant], &w.opened, w.err}, nil
}

// FileLimits implements Services for world.
func (w *world) FileLimits() FileLimits { return FileLimits{Bytes: 100, Open: 3} }
