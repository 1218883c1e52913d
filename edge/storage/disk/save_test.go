package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// leftovers returns the temporary files below a folder, except for the folder of
// partial files.
func leftovers(t *testing.T, folder string) (found []string) {
	t.Helper()
	must(t, filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if backend.Reserved(d.Name()) && d.Name() != partialFolder {
			found = append(found, name)
		}
		return err
	}))
	return found
}

func TestConcurrentSaversOfOneNameAllKeepTheirs(t *testing.T) {
	location := t.TempDir()
	const savers, files = 8, 20
	var (
		mu    sync.Mutex
		saved = make(map[string]string)
		wg    sync.WaitGroup
	)
	for i := range savers {
		// Each has a storage, like a process.
		v := newView(t, Config{Location: location})
		wg.Go(func() {
			for k := range files {
				content := fmt.Sprintf("%d of %d", k, i)
				name, err := v.Save(t.Context(), "a/b/same.txt", strings.NewReader(content), 0)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if other, taken := saved[name]; taken {
					t.Errorf("%s was given to %q and %q", name, other, content)
				}
				saved[name] = content
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for name, want := range saved {
		if got, err := os.ReadFile(filepath.Join(location, "t1", name)); string(got) != want || err != nil {
			t.Errorf("%s is %q, %v, expected %q", name, got, err, want)
		}
	}
	if len(saved) != savers*files {
		t.Errorf("%d files, expected %d", len(saved), savers*files)
	}
	if found := leftovers(t, location); found != nil {
		t.Errorf("remaining: %q", found)
	}
}

func TestASaveThatFailsLeavesNothing(t *testing.T) {
	broken := errors.New("connection reset")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name    string
		ctx     context.Context
		content io.Reader
		want    error
	}{
		{"a broken connection", t.Context(), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)), broken},
		{"a cancelled request", cancelled, strings.NewReader("x"), context.Canceled},
		{"more than MaxSize", t.Context(), strings.NewReader("12345678901"), storage.ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newView(t, Config{MaxSize: 10})
			if name, err := v.Save(c.ctx, "d/a.txt", c.content, 0); !errors.Is(err, c.want) {
				t.Errorf("%q, %v, expected %v", name, err, c.want)
			}
			entries, err := os.ReadDir(v.Location())
			if len(entries) > 0 || err != nil {
				t.Errorf("remaining: %v, %v", entries, err)
			}
		})
	}
	v := newView(t, Config{MaxSize: 10, MinFree: 1})
	if _, err := v.Save(t.Context(), "a.txt", strings.NewReader("1234567890"), 0); err != nil {
		t.Errorf("as much as is allowed: %v", err)
	}
}

func TestModesAreAsConfigured(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	must(t, os.Mkdir(plain, 0o777))
	must(t, os.WriteFile(filepath.Join(plain, "f"), nil, 0o666))
	modeOf := func(name string) fs.FileMode {
		info, err := os.Stat(name)
		must(t, err)
		return info.Mode().Perm()
	}
	for _, c := range []struct {
		name      string
		config    Config
		file, dir fs.FileMode
	}{
		{"by default", Config{}, 0o644, modeOf(plain)},
		{"from the umask", Config{FileMode: FromUmask, DirectoryMode: FromUmask}, modeOf(filepath.Join(plain, "f")), modeOf(plain)},
		{"set", Config{FileMode: 0o660, DirectoryMode: 0o775}, 0o660, 0o775},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.config.Location = filepath.Join(t.TempDir(), "new", "media")
			v := newView(t, c.config)
			_, err := v.Save(t.Context(), "d/e/f", strings.NewReader(""), 0)
			must(t, err)
			for name, want := range map[string]fs.FileMode{"d/e/f": c.file, "d/e": c.dir, "d": c.dir, ".": c.dir, "..": c.dir} {
				if got := modeOf(filepath.Join(v.Location(), name)); got != want {
					t.Errorf("%s: %o, expected %o", name, got, want)
				}
			}
		})
	}
	for _, c := range []Config{{}, {Location: "/x", FileMode: fs.ModeSetuid | 0o755}, {Location: "/x", DirectoryMode: fs.ModeDir}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v: expected an error", c)
		}
	}
}

func TestADeepFolderTakesLinearTime(t *testing.T) {
	v := newView(t, Config{})
	deep := strings.Repeat("d/", 1500) + "f"
	name, err := v.Save(t.Context(), deep, strings.NewReader("x"), 0)
	if name != deep || err != nil {
		t.Fatalf("%.50q, %v", name, err)
	}
	if _, err := v.Save(t.Context(), strings.Repeat("d/", 3000)+"f", strings.NewReader("x"), 0); err == nil {
		t.Error("saved where no other program could open it")
	}
}

func TestSweepRemovesOnlyAbandonedFiles(t *testing.T) {
	location := t.TempDir()
	v := newView(t, Config{Location: location})
	abandoned := filepath.Join(v.Location(), "d", backend.ReservedPrefix+"abandoned")
	must(t, os.MkdirAll(filepath.Dir(abandoned), 0o777))
	must(t, os.WriteFile(abandoned, []byte("half"), 0o600))

	content, upload := io.Pipe()
	saved := make(chan error)
	go func() {
		_, err := v.Save(t.Context(), "d/a.txt", content, 0)
		saved <- err
	}()
	_, err := upload.Write([]byte("one half, ")) // now the temporary file is there
	must(t, err)

	other := newView(t, Config{Location: location})
	if removed, err := other.Sweep(t.Context()); removed > 1 || err != nil {
		t.Errorf("removed %d, %v, expected the abandoned one", removed, err)
	}
	if found := leftovers(t, location); len(found) != 1 || found[0] == abandoned {
		t.Errorf("%q, expected the one that is being written", found)
	}
	if dirs, files, err := django(other).ListDir("d"); len(dirs)+len(files) > 0 || err != nil {
		t.Errorf("%q %q %v: a temporary file is listed", dirs, files, err)
	}
	_, err = upload.Write([]byte("the other"))
	must(t, err)
	must(t, upload.Close())
	must(t, <-saved)
	if got, err := fs.ReadFile(other, "d/a.txt"); string(got) != "one half, the other" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if found := leftovers(t, location); found != nil {
		t.Errorf("remaining: %q", found)
	}
}

func TestTheFirstViewOfATenantSweepsByItself(t *testing.T) {
	s := newStorage(t, Config{})
	abandoned := filepath.Join(s.location, "t1", backend.ReservedPrefix+"abandoned")
	must(t, os.Mkdir(filepath.Dir(abandoned), 0o777))
	must(t, os.WriteFile(abandoned, nil, 0o600))
	v, err := s.For(t.Context(), storage.Tenant{Schema: "t1"})
	must(t, err)
	defer v.Close()
	s.work.Wait()
	if found := leftovers(t, s.location); found != nil {
		t.Errorf("remaining: %q", found)
	}
}
