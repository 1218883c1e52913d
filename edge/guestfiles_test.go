package edge

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// newFileHost returns a host whose guest uses files, and the folder of its storage,
// in which t1 (folder acme) and t2 have a file a.txt.
func newFileHost(t testing.TB, change func(*Config)) (*Host, string) {
	t.Helper()
	wasm := wasmtest.Guest(t, "edge/testdata/fileguest")
	location := t.TempDir()
	h := newHost(t, func(c *Config) {
		c.Guest = wasm
		c.Limits.Deadline = time.Minute // for a busy machine with a slow disk
		c.Files = func(l storage.Locator) (storage.Storage, error) {
			return disk.New(disk.Config{Location: location, BaseURL: "/media/", Locator: l, NoSync: true, Quota: func(storage.Tenant) storage.Quota {
				return storage.Quota{Files: 6} // including the folder d
			}})
		}
		if change != nil {
			change(c)
		}
	})
	for identifier, content := range map[string]string{"acme": "of t1", "t2": "of t2"} {
		if err := os.MkdirAll(filepath.Join(location, identifier, "d"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(location, identifier, "a.txt"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../t2", filepath.Join(location, "acme", "out")); err != nil {
		t.Fatal(err)
	}
	return h, location
}

// steps has the guest carry out the steps in path, and returns its results.
func steps(t *testing.T, h *Host, path string) (string, error) {
	t.Helper()
	d, err := h.Route(t.Context(), &Request{Method: "GET", Scheme: "http", Host: "x", Target: path})
	return strings.TrimPrefix(d.Tenant.Path, "/"), err
}

func TestAGuestUsesTheFilesOfTheTenantThatItFound(t *testing.T) {
	h, _ := newFileHost(t, nil)
	for _, c := range []struct{ name, path, want string }{
		{"no files before a lookup", "/read:a.txt/find:t1", "errno4 found"},
		{"no files after a lookup that found no tenant", "/find:unknown/read:a.txt/find:t1", "errno1 errno4 found"},
		{"the tenant's own files", "/find:t1/read:a.txt", "found of t1"},
		{"the files of the last tenant that it found", "/find:t1/read:a.txt/find:t2/read:a.txt", "found of t1 found of t2"},
		{"an existing and a missing file", "/find:t1/stat:a.txt/stat:d/stat:none", "found 5 false 0 true errno1"},
		{"a link that leaves the folder", "/find:t1/read:out|a.txt/list:out/stat:out", "found errno3 errno3 errno3"},
		{"names that leave the folder", "/find:t1/read:..|t2|a.txt/save:..|t2|x/delete:..|t2|a.txt", "found errno3 errno3 errno3"},
		{"a folder read as a file", "/find:t1/read:d", "found errno3"},
		{"a file listed as a folder", "/find:t1/list:a.txt", "found errno3"},
		{"a list", "/find:t1/list:.", "found [d] [a.txt out]"},
		{"the URL contains the tenant's identifier", "/find:t1/url:b c.txt", "found /media/acme/b%20c.txt"},
		{"an existing name", "/find:t2/save:new.txt/read:new.txt/delete:new.txt/read:new.txt", "found new.txt by the guest deleted errno1"},
		{"too many open files", "/find:t1/hoard:a.txt", "found errno516"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := steps(t, h, c.path)
			if err != nil || got != c.want {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestAGuestNeverOverwritesAndStaysWithinTheQuota(t *testing.T) {
	h, location := newFileHost(t, nil)
	got, err := steps(t, h, "/find:t1/save:a.txt")
	saved := strings.TrimPrefix(got, "found ")
	if err != nil || !strings.HasPrefix(saved, "a_") || !strings.HasSuffix(saved, ".txt") {
		t.Fatalf("%q, %v, want an alternative name", got, err)
	}
	if content, err := os.ReadFile(filepath.Join(location, "acme", "a.txt")); string(content) != "of t1" || err != nil {
		t.Errorf("the existing file contains %q, %v", content, err)
	}
	got, err = steps(t, h, "/find:t1/save:1/save:2/save:3/save:4")
	if want := "found 1 2 3 errno5"; got != want || err != nil {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestARequestThatFailsLeavesNoFileBehind(t *testing.T) {
	h, location := newFileHost(t, func(c *Config) { c.Limits.Fuel = 50_000_000 })
	for _, path := range []string{
		"/find:t1/save:x/begin:y/panic",
		"/find:t1/save:x/begin:y/spin",
		"/find:t1/begin:y",
	} {
		_, err := steps(t, h, path)
		if failed := errors.Is(err, ErrGuest); failed != !strings.HasSuffix(path, "y") {
			t.Errorf("%s: %v", path, err)
		}
		var left []string
		err = filepath.WalkDir(location, func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && d.Name() != "a.txt" {
				left = append(left, name)
			}
			return err
		})
		if err != nil || left != nil {
			t.Errorf("after %s, the files %q remain, %v", path, left, err)
		}
	}
	if got, err := steps(t, h, "/find:t1/read:a.txt"); got != "found of t1" || err != nil {
		t.Errorf("the next request: %q, %v", got, err)
	}
}

func TestAGuestThatSaysWhereFilesAreHasNone(t *testing.T) {
	h, _ := newFileHost(t, nil)
	p, err := h.Pathname(t.Context(), &tenant.Tenant{Schema: "t2"}, tenancy.PathQuery{Location: "/srv", BaseURL: "/media/", Name: "probe", HasName: true})
	if want := "/srv/t2/probeerrno4"; p.Path != want || err != nil {
		t.Errorf("%q, %v, want %q", p.Path, err, want)
	}
}

// TestGuestsThatUseFilesDoNotWaitForEachOther sends requests that need the location of
// a tenant's files, which another instance of the guest must find, while such requests
// use all instances.
func TestGuestsThatUseFilesDoNotWaitForEachOther(t *testing.T) {
	h, _ := newFileHost(t, func(c *Config) {
		c.Limits.Instances = 2
		c.Limits.QueueTimeout = time.Minute
	})
	if got, err := steps(t, h, "/find:t1/read:a.txt/find:t2/read:a.txt"); err != nil {
		t.Fatal(got, err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got, err := steps(t, h, "/find:t1/read:a.txt/find:t2/read:a.txt"); got != "found of t1 found of t2" || err != nil {
					t.Errorf("%q, %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestAHostWithoutAStorageHasNoFiles(t *testing.T) {
	for name, open := range map[string]func(storage.Locator) (storage.Storage, error){
		"no function":                  nil,
		"a function that returns none": func(storage.Locator) (storage.Storage, error) { return nil, nil },
	} {
		h, _ := newFileHost(t, func(c *Config) { c.Files = open })
		if got, err := steps(t, h, "/find:t1/read:a.txt"); got != "found errno7" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// countingStorage counts calls of Close.
type countingStorage struct {
	storage.Storage
	closed int
}

func (s *countingStorage) Close() error {
	s.closed++
	return s.Storage.Close()
}

func TestAHostClosesTheFilesOfGuestsOnce(t *testing.T) {
	var opened *countingStorage
	h, _ := newFileHost(t, func(c *Config) {
		open := c.Files
		c.Files = func(l storage.Locator) (storage.Storage, error) {
			s, err := open(l)
			opened = &countingStorage{Storage: s}
			return opened, err
		}
	})
	for range 2 {
		if err := h.Close(); err != nil || opened.closed != 1 {
			t.Errorf("closed %d times, %v", opened.closed, err)
		}
	}
}

func TestNewFailsIfTheFilesOfGuestsCannotBeOpened(t *testing.T) {
	missing := errors.New("no disk")
	_, err := New(t.Context(), Config{CompileCache: compileCache, Files: func(storage.Locator) (storage.Storage, error) { return nil, missing }})
	if !errors.Is(err, missing) {
		t.Errorf("got %v", err)
	}
}
