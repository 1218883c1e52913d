package storagetest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// filled returns files in some folders.
func filled(t *testing.T, p Backend) tenantFiles {
	t.Helper()
	f := p.files(t, "t1", Config{})
	for _, name := range []string{"a.txt", "d/b.txt", "d/e/c.txt", "é/日本.txt", "d.txt", "d-e/x", "sp ace/a+b&c%20=?#.txt", "empty"} {
		text := name
		if name == "empty" {
			text = ""
		}
		if saved := save(t, f, name, text); saved != name {
			t.Errorf("%q was saved as %q", name, saved)
		}
	}
	return f
}

func isFileSystem(t *testing.T, p Backend) {
	if err := fstest.TestFS(filled(t, p), "a.txt", "d/b.txt", "d/e/c.txt", "é/日本.txt", "sp ace/a+b&c%20=?#.txt", "empty"); err != nil {
		t.Error(err)
	}
}

func isServed(t *testing.T, p Backend) {
	server := http.FileServerFS(filled(t, p))
	for _, c := range []struct {
		target, asked string
		status        int
		want          string
	}{
		{"/d/e/c.txt", "", http.StatusOK, "d/e/c.txt"},
		{"/%C3%A9/%E6%97%A5%E6%9C%AC.txt", "", http.StatusOK, "é/日本.txt"},
		{"/d/e/c.txt", "bytes=2-4", http.StatusPartialContent, "e/c"},
		{"/d/e/c.txt", "bytes=-3", http.StatusPartialContent, "txt"},
		{"/empty", "", http.StatusOK, ""},
		{"/d/missing", "", http.StatusNotFound, "404 page not found\n"},
	} {
		r := httptest.NewRequest(http.MethodGet, c.target, nil)
		if c.asked != "" {
			r.Header.Set("Range", c.asked)
		}
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code != c.status || w.Body.String() != c.want {
			t.Errorf("%s %s: %d %q, expected %d %q", c.target, c.asked, w.Code, w.Body, c.status, c.want)
		}
	}
}

func operations(t *testing.T, p Backend) {
	f := filled(t, p)
	for folder, want := range map[string]string{
		"": "d d-e sp ace é/a.txt d.txt empty", ".": "d d-e sp ace é/a.txt d.txt empty", "d": "e/b.txt", "./d//e/": "/c.txt", "d-e": "/x",
	} {
		if got := list(t, f, folder); got != want {
			t.Errorf("%q lists %q, expected %q", folder, got, want)
		}
	}
	if got := content(t, f, "./d//e/../b.txt"); got != "d/b.txt" {
		t.Errorf("%q", got)
	}
	if size, err := f.Size("é/日本.txt"); size != int64(len("é/日本.txt")) || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
	if times, err := f.Times("a.txt"); err != nil || time.Since(times.Modified).Abs() > time.Hour {
		t.Errorf("%+v, %v", times, err)
	}
	if url, err := f.URL(t.Context(), "a b.txt"); url != "/media/t1/a%20b.txt" || err != nil {
		t.Errorf("URL %q, %v", url, err)
	}
	if f.BaseURL() != "/media/t1/" || f.Identifier() != "t1" {
		t.Errorf("base %q, identifier %q", f.BaseURL(), f.Identifier())
	}
	for name, want := range map[string]bool{"a.txt": true, "d": true, "": true, "x": false, "d/b": false, "d/b.txt/c": false, "a.tx": false, "a\x00": false} {
		if exists, err := f.Exists(name); exists != want || err != nil {
			t.Errorf("%q exists: %v, %v", name, exists, err)
		}
	}
}

func takenNames(t *testing.T, p Backend) {
	f := filled(t, p)
	taken := save(t, f, "a.txt", "another")
	if got, err := f.AvailableName("a.txt", 13); len(got) != 13 || got == "a.txt" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got := content(t, f, taken); len(taken) != len("a_1234567.txt") || got != "another" || content(t, f, "a.txt") != "a.txt" {
		t.Errorf("%q is %q", taken, got)
	}
	if name := save(t, f, "d", "a folder's name"); len(name) != len("d_1234567") {
		t.Errorf("a folder's name was given to %q", name)
	}
	if u, err := f.Usage(t.Context()); u.Files != 10 || err != nil {
		t.Errorf("%+v, %v", u, err)
	}
	p.nothingLeft(t)
}

func deletions(t *testing.T, p Backend) {
	f := filled(t, p)
	for range 2 { // a missing file is no error
		must(t, f.Delete("d/b.txt"))
		must(t, f.Delete("a.txt"))
	}
	must(t, f.Delete("missing/x"))
	if got := list(t, f, "d"); got != "e/" {
		t.Errorf("%q remains", got)
	}
	if other := withExtras(backend.WithContext(t.Context(), f.View)); content(t, other, "d/e/c.txt") != "d/e/c.txt" || other.Identifier() != "t1" {
		t.Error("other files with another context")
	}
	p.nothingLeft(t)
}

func sameErrors(t *testing.T, p Backend) {
	f := filled(t, p)
	open := func(name string) error { _, err := f.OpenRead(name); return err }
	plain := func(name string) error { _, err := f.Open(name); return err }
	stat := func(name string) error { _, err := f.Stat(name); return err }
	size := func(name string) error { _, err := f.Size(name); return err }
	times := func(name string) error { _, err := f.Times(name); return err }
	listed := func(name string) error { _, _, err := f.ListDir(name); return err }
	read := func(name string) error { _, err := f.ReadDir(name); return err }
	saved := func(name string) error {
		_, err := f.Save(t.Context(), name, bytes.NewReader(nil), 0)
		return err
	}
	for _, c := range []struct {
		what string
		do   func(string) error
		name string
		want error
	}{
		{"open", open, "missing", fs.ErrNotExist}, {"open", open, "d/missing", fs.ErrNotExist}, {"open", open, "d", syscall.EISDIR},
		{"open", open, "../t2/x", storage.ErrSuspicious}, {"open", open, "", syscall.EISDIR}, {"open", open, "a\x00", storage.ErrSuspicious},
		{"Open", plain, "missing", fs.ErrNotExist}, {"Open", plain, "../x", fs.ErrInvalid}, {"Open", plain, "/a.txt", fs.ErrInvalid},
		{"Stat", stat, "missing", fs.ErrNotExist}, {"Stat", stat, "d//b.txt", fs.ErrInvalid},
		{"size", size, "missing", fs.ErrNotExist}, {"size", size, "/etc/passwd", storage.ErrSuspicious},
		{"times", times, "missing", fs.ErrNotExist},
		{"listdir", listed, "missing", fs.ErrNotExist}, {"listdir", listed, "a.txt", syscall.ENOTDIR}, {"listdir", listed, "..", storage.ErrSuspicious},
		{"ReadDir", read, "missing", fs.ErrNotExist}, {"ReadDir", read, "a.txt", syscall.ENOTDIR},
		{"delete", f.Delete, ".", storage.ErrSuspicious}, {"delete", f.Delete, "../t2", storage.ErrSuspicious}, {"delete", f.Delete, "d", syscall.ENOTEMPTY},
		{"save", saved, "", storage.ErrSuspicious}, {"save", saved, "d/", storage.ErrSuspicious}, {"save", saved, "/a", storage.ErrSuspicious},
		{"save", saved, "../t2/a", storage.ErrSuspicious}, {"save", saved, ".tenantedge-x", storage.ErrSuspicious},
	} {
		if err := c.do(c.name); !errors.Is(err, c.want) {
			t.Errorf("%s %q: %v, expected %v", c.what, c.name, err, c.want)
		}
	}
	if err := saved("a.txt/below"); err == nil { // a disk has several errors for it
		t.Error("a file became a folder")
	}
	if _, err := p.Open(t, Config{}).View(t.Context(), storage.Tenant{}); !errors.Is(err, storage.ErrNoTenant) {
		t.Errorf("%v, expected ErrNoTenant", err)
	}
}

func noFiles(t *testing.T, p Backend) {
	f := p.files(t, "t1", Config{})
	if exists, err := f.Exists("a"); exists || err != nil {
		t.Errorf("exists: %v, %v", exists, err)
	}
	must(t, f.Delete("a"))
	if u, err := f.Usage(t.Context()); u != (storage.Usage{}) || err != nil {
		t.Errorf("%+v, %v", u, err)
	}
	must(t, f.Close())
	must(t, f.Close())
	if _, err := f.Save(t.Context(), "a", bytes.NewReader(nil), 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("save after Close: %v", err)
	}
	p.nothingLeft(t)
}

func ranges(t *testing.T, p Backend) {
	f := p.files(t, "t1", Config{})
	want := pattern(100_000, 1)
	_, err := f.Save(t.Context(), "x", bytes.NewReader(want), 0)
	must(t, err)
	from, err := f.OpenRead("x")
	must(t, err)
	part := make([]byte, 1000)
	read := func(offset int) {
		t.Helper()
		if n, err := io.ReadFull(from, part); err != nil || !bytes.Equal(part, want[offset:offset+n]) {
			t.Errorf("%d bytes at %d, %v", n, offset, err)
		}
	}
	read(0)
	read(1000)
	for _, s := range []struct {
		offset int64
		whence int
		at     int
	}{{50_000, io.SeekStart, 50_000}, {-2000, io.SeekCurrent, 49_000}, {-1000, io.SeekEnd, 99_000}, {0, io.SeekStart, 0}, {0, io.SeekCurrent, 1000}} {
		if at, err := from.Seek(s.offset, s.whence); at != int64(s.at) || err != nil {
			t.Fatalf("at %d, %v, expected %d", at, err, s.at)
		}
		read(s.at)
		if n, err := from.ReadAt(part[:10], 77_777); n != 10 || err != nil || !bytes.Equal(part[:10], want[77_777:77_787]) {
			t.Errorf("ReadAt: %d, %v", n, err)
		}
	}
	if n, err := from.ReadAt(part, 99_500); n != 500 || err != io.EOF || !bytes.Equal(part[:n], want[99_500:]) {
		t.Errorf("ReadAt over the end: %d, %v", n, err)
	}
	if _, err := from.Seek(200_000, io.SeekStart); err != nil {
		t.Error(err)
	}
	if n, err := from.Read(part); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
	if _, err := from.Seek(-1, io.SeekStart); err == nil {
		t.Error("before the start")
	}
	must(t, f.Close()) // files that were opened stay open
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		t.Error(err)
	}
	read(0)
	must(t, from.Close())
	if _, err := from.Read(part); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("read after Close: %v", err)
	}
}
