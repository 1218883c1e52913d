package disk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// every accepts any file.
func every(fs.FileInfo) bool { return true }

// sameAs accepts only the file that was seen.
func sameAs(seen fs.FileInfo) func(fs.FileInfo) bool {
	return func(info fs.FileInfo) bool { return os.SameFile(seen, info) && seen.ModTime().Equal(info.ModTime()) }
}

func content(t *testing.T, v *View, name string) string {
	t.Helper()
	b, err := fs.ReadFile(v, name)
	must(t, err)
	return string(b)
}

func TestCreateUsesTheExactNameOrFails(t *testing.T) {
	v := newView(t, Config{})
	info, err := v.Create(t.Context(), "a/b/c.txt", strings.NewReader("one"))
	must(t, err)
	found, err := v.Stat("a/b/c.txt")
	must(t, err)
	if !sameAs(info)(found) || info.Size() != 3 || info.Mode() != 0o644 {
		t.Errorf("returned %v, found %v", info, found)
	}
	for _, name := range []string{"a/b/c.txt", "a/b", "a/b/c.txt/d"} {
		if _, err := v.Create(t.Context(), name, strings.NewReader("two")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v, expected fs.ErrExist", name, err)
		}
	}
	if got := content(t, v, "a/b/c.txt"); got != "one" {
		t.Errorf("overwritten by %q", got)
	}
	if _, err := v.Create(t.Context(), "../x", strings.NewReader("")); !errors.Is(err, storage.ErrSuspicious) {
		t.Errorf("a name that leads out: %v", err)
	}
}

func TestContentThatFailsLeavesNothingNotEvenAFolder(t *testing.T) {
	broken := func() io.Reader {
		return io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("connection lost")))
	}
	location := t.TempDir()
	v := newView(t, Config{Location: location, MaxSize: 10})
	must(t, func() error { _, err := v.Create(t.Context(), "old.txt", strings.NewReader("old")); return err }())
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"broken": func() error { _, err := v.Create(t.Context(), "d/new.txt", broken()); return err }(),
		"too large": func() error {
			_, err := v.Create(t.Context(), "d/new.txt", strings.NewReader("01234567890"))
			return err
		}(),
		"cancelled": func() error { _, err := v.Create(cancelled, "d/new.txt", strings.NewReader("x")); return err }(),
		"replacing": func() error { _, err := v.Replace(t.Context(), "old.txt", broken(), every); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	entries, err := os.ReadDir(filepath.Join(location, "t1"))
	if err != nil || len(entries) != 1 || content(t, v, "old.txt") != "old" {
		t.Errorf("left %v, %v", entries, err)
	}
}
