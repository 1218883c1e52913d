package disk

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// filled returns a view with some files and folders, and a temporary file.
func filled(t testing.TB) *View {
	t.Helper()
	v := newView(t, Config{})
	for _, name := range []string{"a.txt", "d/b.txt", "d/e/c.txt", "é/日本.txt"} {
		_, err := v.Save(t.Context(), name, strings.NewReader(name), 0)
		must(t, err)
	}
	must(t, os.Mkdir(filepath.Join(v.Location(), "empty"), 0o777))
	// A save in progress: a sweep removes nothing that is locked. The sweep of the
	// first view may take it between creation and lock.
	for held := false; !held; {
		saving, err := os.Create(filepath.Join(v.Location(), "d", backend.ReservedPrefix+"x"))
		must(t, err)
		t.Cleanup(func() { must(t, saving.Close()) })
		held, err = claim(saving)
		must(t, err)
	}
	return v
}

func TestAViewIsAFileSystem(t *testing.T) {
	v := filled(t)
	must(t, os.Symlink("b.txt", filepath.Join(v.Location(), "d", "link")))
	if err := fstest.TestFS(v, "a.txt", "d/b.txt", "d/e/c.txt", "é/日本.txt", "empty", "d/link"); err != nil {
		t.Error(err)
	}
}

func TestNetHTTPServesAView(t *testing.T) {
	server := http.FileServerFS(filled(t))
	for target, want := range map[string]string{"/d/e/c.txt": "d/e/c.txt", "/%C3%A9/%E6%97%A5%E6%9C%AC.txt": "é/日本.txt"} {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %q, expected %q", target, w.Code, w.Body, want)
		}
	}
}

func TestReadingShowsNoTemporaryFile(t *testing.T) {
	v := filled(t)
	name := "d/" + backend.ReservedPrefix + "x"
	if exists, err := django(v).Exists(name); exists || !errors.Is(err, storage.ErrSuspicious) {
		t.Errorf("exists: %v, %v", exists, err)
	}
	if _, err := v.Open(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
	if _, err := v.OpenFile(name, os.O_RDWR); !errors.Is(err, storage.ErrSuspicious) {
		t.Errorf("open to write: %v", err)
	}
	if err := v.Delete(name); !errors.Is(err, storage.ErrSuspicious) {
		t.Errorf("delete: %v", err)
	}
	f, err := v.Open("d")
	must(t, err)
	defer f.Close()
	var shown []string
	for {
		entries, err := f.(fs.ReadDirFile).ReadDir(1)
		if err == io.EOF {
			break
		}
		must(t, err)
		shown = append(shown, entries[0].Name())
	}
	if len(shown) != 2 {
		t.Errorf("the folder shows %q", shown)
	}
}

func TestDjangosOperations(t *testing.T) {
	v := filled(t)
	f, err := v.OpenFile("./d//b.txt", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	must(t, err)
	_, err = f.WriteString("written in place")
	must(t, errors.Join(err, f.Close()))
	if size, err := django(v).Size(v.Location() + "/d/b.txt"); size != 16 || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
	if _, err := v.OpenFile("d", os.O_RDONLY); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("a folder was opened as a file: %v", err)
	}
	want := storage.Times{Accessed: time.Unix(1_000_000_000, 0), Modified: time.Unix(1_100_000_000, 0)}
	must(t, os.Chtimes(filepath.Join(v.Location(), "a.txt"), want.Accessed, want.Modified))
	got, err := django(v).Times("a.txt")
	if err != nil || !got.Modified.Equal(want.Modified) || !got.Accessed.IsZero() && !got.Accessed.Equal(want.Accessed) || got.Created.Equal(got.Modified) {
		t.Errorf("%+v, %v, expected %+v", got, err, want)
	}
	path, err := v.Path(t.Context(), "x/../a b.txt")
	if path != v.Location()+"/a b.txt" || err != nil {
		t.Errorf("path %q, %v", path, err)
	}
	url, err := v.URL(t.Context(), "a b.txt")
	if url != "/media/t1/a%20b.txt" || err != nil {
		t.Errorf("URL %q, %v", url, err)
	}
	if v.BaseURL() != "/media/t1/" || v.Identifier() != "t1" {
		t.Errorf("base %q, identifier %q", v.BaseURL(), v.Identifier())
	}
}

func TestLinksWithinTheFolderAreFollowed(t *testing.T) {
	v := filled(t)
	must(t, os.Symlink("d", filepath.Join(v.Location(), "link")))
	must(t, os.Symlink("missing", filepath.Join(v.Location(), "dangling")))
	dirs, files, err := django(v).ListDir("")
	must(t, err)
	if strings.Join(dirs, " ") != "d empty link é" || strings.Join(files, " ") != "a.txt dangling" {
		t.Errorf("%q %q", dirs, files)
	}
	if name, err := v.Save(t.Context(), "link/new/x", strings.NewReader(""), 0); name != "link/new/x" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
	if exists, err := django(v).Exists("dangling"); !exists || err != nil {
		t.Errorf("a link that leads nowhere: %v, %v", exists, err)
	}
	must(t, v.Delete("link"))
	if exists, _ := django(v).Exists("d/b.txt"); !exists {
		t.Error("deleting a link deleted what it led to")
	}
}

func TestAViewOfATenantWithoutFiles(t *testing.T) {
	v := newView(t, Config{})
	exists, err := django(v).Exists("a")
	if exists || err != nil {
		t.Errorf("exists: %v, %v", exists, err)
	}
	if _, _, err := django(v).ListDir(""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("list: %v", err)
	}
	must(t, v.Delete("a"))
	if _, err := os.Stat(v.Location()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("looking created the folder: %v", err)
	}
	must(t, v.Close())
	must(t, v.Close())
	if _, err := v.Save(t.Context(), "a", strings.NewReader(""), 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("save after Close: %v", err)
	}
}

func TestAStorageWithoutURL(t *testing.T) {
	s, err := New(Config{Location: t.TempDir()})
	must(t, err)
	defer s.Close()
	v, err := s.For(t.Context(), storage.Tenant{Schema: "t1"})
	must(t, err)
	defer v.Close()
	if url, err := v.URL(t.Context(), "a"); !errors.Is(err, storage.ErrNoURL) {
		t.Errorf("%q, %v, expected ErrNoURL", url, err)
	}
}

func TestViewsAreSafeForConcurrentUse(t *testing.T) {
	v := newView(t, Config{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				name, err := v.Save(t.Context(), "d/x.txt", strings.NewReader("x"), 0)
				if errors.Is(err, fs.ErrClosed) || errors.Is(err, fs.ErrNotExist) {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				_, _ = django(v).Size(name)
				_ = v.Delete(name)
			}
		})
	}
	wg.Go(func() { v.Close() })
	wg.Wait()
}

// TestReadingAllocatesWhatARootDoes: Exists allocates what Lstat of an os.Root
// does, and Open what Open and Stat do.
func TestReadingAllocatesWhatARootDoes(t *testing.T) {
	v := filled(t)
	root, err := os.OpenRoot(v.Location())
	must(t, err)
	defer root.Close()
	allocations := func(do func() error) float64 {
		return testing.AllocsPerRun(200, func() {
			if err := do(); err != nil {
				t.Error(err)
			}
		})
	}
	const name = "d/b.txt"
	exists, budget := allocations(func() error { _, err := django(v).Exists(name); return err }), allocations(func() error { _, err := root.Lstat(name); return err })
	if exists > budget {
		t.Errorf("Exists: %v allocations, the budget is %v", exists, budget)
	}
	opened := allocations(func() error {
		f, err := v.Open(name)
		return errors.Join(err, f.Close())
	})
	budget = allocations(func() error {
		f, err := root.Open(name)
		if err == nil {
			_, err = f.Stat()
		}
		return errors.Join(err, f.Close())
	})
	if opened > budget {
		t.Errorf("Open: %v allocations, the budget is %v", opened, budget)
	}
}

func BenchmarkOpen(b *testing.B) {
	v := filled(b)
	b.ReportAllocs()
	for b.Loop() {
		f, err := v.Open("d/b.txt")
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

func BenchmarkFor(b *testing.B) {
	v := filled(b)
	b.ReportAllocs()
	for b.Loop() {
		one, err := v.storage.For(b.Context(), v.Tenant())
		if err != nil {
			b.Fatal(err)
		}
		if ok, err := django(one).Exists("d/b.txt"); !ok || err != nil {
			b.Fatal(ok, err)
		}
		one.Close()
	}
}

func BenchmarkSave(b *testing.B) {
	for name, noSync := range map[string]bool{"waiting for the disk": false, "not waiting": true} {
		b.Run(name, func(b *testing.B) {
			v := newView(b, Config{})
			v.storage.config.NoSync = noSync
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Save(b.Context(), "d/x.txt", strings.NewReader("0123456789"), 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
