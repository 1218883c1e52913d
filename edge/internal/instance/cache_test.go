package instance

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// cachedFiles returns the files of the only guest in a cache.
func cachedFiles(t *testing.T, cache string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// loadCached loads a guest with a cache and calls it. It returns the result of the
// cache and the log.
func loadCached(t *testing.T, cache string) (Cached, string) {
	t.Helper()
	var logs bytes.Buffer
	p, err := load(sound(), Options{CompileCache: cache, Logger: slog.New(slog.NewTextHandler(&logs, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	i, err := p.Borrow(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Return(i)
	if _, err := call(context.Background(), i, Route); err != nil {
		t.Fatal(err)
	}
	return Cached(p.Engine().CompileCache), logs.String()
}

func TestDamagedCompiledCodeIsReplaced(t *testing.T) {
	cache := t.TempDir()
	if did, logs := loadCached(t, cache); did != CacheStored || logs != "" {
		t.Fatalf("the first start: %s, %s", did, logs)
	}
	files := cachedFiles(t, cache)
	if len(files) != 3 {
		t.Fatalf("the cache has the files %q: expected the guest's code, the marker's and sums", files)
	}
	damages := []struct {
		name   string
		damage func([]byte) []byte
	}{
		{"empty", func([]byte) []byte { return nil }},
		{"half", func(b []byte) []byte { return b[:len(b)/2] }},
		{"without its last byte", func(b []byte) []byte { return b[:len(b)-1] }},
		{"longer", func(b []byte) []byte { return append(b, 0) }},
		{"zeros", func(b []byte) []byte { return make([]byte, len(b)) }},
	}
	// The header of wazero's file has lengths for allocations and then function
	// offsets, which wazero's own checksum does not cover.
	for _, at := range []int{0, 6, 7, 8, 16, 17, 18, 20, 24, 32, 40, 64} {
		damages = append(damages, struct {
			name   string
			damage func([]byte) []byte
		}{"a byte changed near the start", func(b []byte) []byte { b[at%len(b)] ^= 0x80; return b }})
	}
	for _, path := range files {
		for _, d := range damages {
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, d.damage(bytes.Clone(before)), 0o600); err != nil {
				t.Fatal(err)
			}
			did, logs := loadCached(t, cache)
			if did != CacheStored || !strings.Contains(logs, "is damaged; the guest is compiled again") {
				t.Errorf("%s %s: %s, %q", filepath.Base(path), d.name, did, logs)
			}
			if did, logs := loadCached(t, cache); did != CacheHit || logs != "" {
				t.Errorf("%s %s, the start after: %s, %q", filepath.Base(path), d.name, did, logs)
			}
		}
	}
}

func TestAMissingFileOfTheCacheIsReplaced(t *testing.T) {
	cache := t.TempDir()
	loadCached(t, cache)
	for _, path := range cachedFiles(t, cache) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if did, logs := loadCached(t, cache); did != CacheStored || logs == "" {
			t.Errorf("without %s: %s, %q", filepath.Base(path), did, logs)
		}
	}
}

func TestACacheThatCannotBeWrittenOnlyCostsTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if did, logs := loadCached(t, path); did != CacheFailed || !strings.Contains(logs, "for the next start failed") {
		t.Errorf("%s, %q", did, logs)
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	cache := t.TempDir()
	var last string
	for n := range 5 {
		g := sound().WithData(3000, string(rune('a'+n))) // data does not change the code, but makes a different guest
		g.With("te_route", wasmtest.I64(uint64(n))...)
		p, err := load(g, Options{CompileCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	entries, err := os.ReadDir(cache)
	if err != nil || len(entries) != 5 {
		t.Fatalf("the cache has %d guests, %v", len(entries), err)
	}
	for n, d := range entries {
		last = filepath.Join(cache, d.Name())
		at := time.Unix(int64(n), 0)
		if err := os.Chtimes(filepath.Join(last, sumsFile), at, at); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ most, kept int }{{5 * minEntry, 5}, {4*minEntry - 1, 3}, {1, 1}} {
		if err := prune(cache, int64(c.most)); err != nil {
			t.Fatal(err)
		}
		all, err := os.ReadDir(cache)
		if err != nil || len(all) != c.kept {
			t.Errorf("with a limit of %d bytes, %d guests are kept, %v: expected %d", c.most, len(all), err, c.kept)
		}
	}
	if _, err := os.Stat(last); err != nil {
		t.Errorf("the guest that was used last: %v", err)
	}
}

func TestAClosedProgramIsReleasedWhenItsLastCallEnds(t *testing.T) {
	p, err := load(sound(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	i, err := p.Borrow(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Drain(ended); !errors.Is(err, ErrInUse) || !strings.HasSuffix(err.Error(), ": 1") {
		t.Errorf("Drain returned %v, want ErrInUse with one call", err)
	}
	if _, err := p.Borrow(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("Borrow returned %v, want ErrClosed", err)
	}
	if err := p.Fill(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("Fill returned %v, want ErrClosed", err)
	}
	if _, err := call(context.Background(), i, Route); err != nil {
		t.Errorf("the running call failed: %v", err)
	}
	p.Return(i)
	for range 2 {
		if err := p.Close(); err != nil {
			t.Errorf("Close returned %v", err)
		}
	}
}
