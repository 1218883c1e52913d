// Package storagetest is the test suite of all implementations of
// storage.Storage.
//
//	storagetest.Run(t, func(t *testing.T) storagetest.Backend {
//		location := t.TempDir()
//		return storagetest.Backend{Open: func(t *testing.T, c storagetest.Config) storage.Storage { … }}
//	})
package storagetest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// Config is the part of a backend's configuration that the suite sets.
type Config struct {
	BaseURL string
	Locator storage.Locator
	MaxSize int64
	Quota   func(storage.Tenant) storage.Quota
}

// Backend is a backend for one test, without files.
type Backend struct {
	// Open returns a storage of these files, like one process, and closes it at the
	// end of the test. Several may be open at once.
	Open func(t *testing.T, c Config) storage.Storage
	// Leftovers returns what is stored besides complete files.
	Leftovers func(t *testing.T) []string
	// Large is a size that the backend saves in several steps, in bytes.
	Large int
	// NoFolders means that a folder disappears with its last file.
	NoFolders bool
}

// Run runs the suite. Each call of newBackend returns another backend.
func Run(t *testing.T, newBackend func(t *testing.T) Backend) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Backend)
	}{
		{"files are a file system", isFileSystem},
		{"net/http serves files", isServed},
		{"Django's operations that read", operations},
		{"a taken name gets an alternative", takenNames},
		{"a file is deleted", deletions},
		{"sequences go as in Django", sequences},
		{"errors are the same", sameErrors},
		{"a tenant without files has no folder", noFiles},
		{"reading is by range", ranges},
		{"a large file is complete", largeFile},
		{"concurrent savers of one name all keep theirs", savers},
		{"concurrent savers of one large name all keep theirs", largeSavers},
		{"a save that fails leaves nothing", failedSaves},
		{"a quota holds", quotas},
		{"a failed save gives its room back", roomBack},
		{"concurrent savers together keep the quota", quotaSavers},
		{"a new file has its name or none", creating},
		{"a file is replaced by who has seen it", replacing},
		{"a large file is replaced by who has seen it", replacingLarge},
		{"a file is removed by who has seen it", removing},
		{"concurrent creators of one name get it once", creators},
		{"concurrent replacers do not replace each other's unseen", replacers},
		{"a change that fails leaves all as it was", failedChanges},
		{"changes keep the quota right", changesKeepQuotas},
		{"F1 hostile names lead nowhere", hostileNames},
		{"F2 identifiers are one segment each and apart", identifiers},
		{"F2 a guest cannot move a tenant", movedTenant},
		{"F2 tenants whose names begin alike see nothing of each other", neighbours},
		{"F3 without a tenant there is no file", noTenant},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newBackend(t)) })
	}
}

// files opens the files of a tenant in a storage of their own.
func (p Backend) files(t *testing.T, schema string, c Config) tenantFiles {
	t.Helper()
	if c.BaseURL == "" {
		c.BaseURL = "/media/"
	}
	return filesOf(t, p.Open(t, c), schema)
}

// tenantFiles is a view with all operations that every backend has.
type tenantFiles struct {
	storage.Django
	backend.Editor
	backend.Meter
	backend.Linker
}

func filesOf(t *testing.T, s storage.Storage, schema string) tenantFiles {
	t.Helper()
	v, err := s.View(t.Context(), storage.Tenant{Schema: schema})
	must(t, err)
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return withExtras(v)
}

func withExtras(v storage.View) tenantFiles {
	x := backend.ExtrasOf(v)
	return tenantFiles{storage.Django{View: v}, x.Editor, x.Meter, x.Linker}
}

// nothingLeft fails if there is more than complete files. It waits for the sweep
// of the first view, which may have locked something.
func (p Backend) nothingLeft(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(20 * time.Second); ; {
		found := p.Leftovers(t)
		if len(found) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("remaining: %q", found)
		}
	}
}

func save(t *testing.T, f tenantFiles, name, content string) string {
	t.Helper()
	saved, err := f.Save(t.Context(), name, strings.NewReader(content), 0)
	must(t, err)
	return saved
}

func content(t *testing.T, f tenantFiles, name string) string {
	t.Helper()
	from, err := f.OpenRead(name)
	must(t, err)
	got, err := io.ReadAll(from)
	must(t, errors.Join(err, from.Close()))
	return string(got)
}

// pattern returns random content.
func pattern(size int, seed uint64) []byte {
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(content) // never fails
	return content
}

// stream returns content that cannot be rewound.
func stream(content []byte) io.Reader { return io.MultiReader(bytes.NewReader(content)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// list returns the names in a folder: folders, a slash, files.
func list(t *testing.T, f tenantFiles, folder string) string {
	t.Helper()
	dirs, files, err := f.ListDir(folder)
	if err != nil {
		return err.Error()
	}
	return strings.Join(dirs, " ") + "/" + strings.Join(files, " ")
}
