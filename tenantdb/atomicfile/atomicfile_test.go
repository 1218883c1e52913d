package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func TestAFileIsReplacedOrStaysAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	full := errors.New("no space left on device")
	for _, c := range []struct {
		content string
		err     error
		want    string
	}{
		{"one", nil, "one"},
		{"half of tw", full, "one"},
		{"two", nil, "two"},
	} {
		err := Write(path, func(w io.Writer) error {
			_, err := io.WriteString(w, c.content)
			return errors.Join(err, c.err)
		})
		if !errors.Is(err, c.err) {
			t.Errorf("%q: got %v, want %v", c.content, err, c.err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != c.want || info.Mode() != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("%q: the file holds %q with mode %v, %v", c.content, got, info.Mode(), err)
		}
		if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
			t.Errorf("%q: the folder holds %v, %v", c.content, entries, err)
		}
	}
	if err := Write(filepath.Join(path, "below"), func(io.Writer) error { return nil }); err == nil {
		t.Error("Write succeeds below a file, expected an error")
	}
}

func TestOnlyUnfinishedFilesAreRemoved_G5(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "state")
	kept := []string{"state", "state.tmp", "state..tmp", "state.12x.tmp", "state.12.tmp.gz", "other.12.tmp", "estate.12.tmp"}
	for _, name := range append([]string{"state.1.tmp", "state.1234567890.tmp"}, kept...) {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(folder, "state.3.tmp"), 0o700), os.Symlink(path, filepath.Join(folder, "state.4.tmp"))); err != nil {
		t.Fatal(err)
	}
	if err := RemoveUnfinished(path); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := append(kept, "state.3.tmp", "state.4.tmp")
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("remaining: %q, want %q", got, want)
	}
	if err := RemoveUnfinished(filepath.Join(folder, "missing", "state")); err != nil {
		t.Errorf("a missing folder: %v", err)
	}
}
