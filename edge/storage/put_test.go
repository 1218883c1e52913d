package storage

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
)

// every lets any file be replaced.
func every(fs.FileInfo) bool { return true }

// sameAs is a file that was seen before.
func sameAs(seen fs.FileInfo) func(fs.FileInfo) bool {
	return func(info fs.FileInfo) bool { return os.SameFile(seen, info) && seen.ModTime().Equal(info.ModTime()) }
}

func content(t *testing.T, v *View, name string) string {
	t.Helper()
	b, err := fs.ReadFile(v, name)
	must(t, err)
	return string(b)
}

func TestCreateTakesTheNameOrNone(t *testing.T) {
	v := newView(t, Config{})
	info, err := v.Create(t.Context(), "a/b/c.txt", strings.NewReader("one"))
	must(t, err)
	found, err := v.Stat("a/b/c.txt")
	must(t, err)
	if !sameAs(info)(found) || info.Size() != 3 || info.Mode() != 0o644 {
		t.Errorf("told of %v, found %v", info, found)
	}
	for _, name := range []string{"a/b/c.txt", "a/b", "a/b/c.txt/d"} {
		if _, err := v.Create(t.Context(), name, strings.NewReader("two")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v, expected fs.ErrExist", name, err)
		}
	}
	if got := content(t, v, "a/b/c.txt"); got != "one" {
		t.Errorf("overwritten by %q", got)
	}
	if _, err := v.Create(t.Context(), "../x", strings.NewReader("")); !errors.Is(err, ErrSuspicious) {
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

func TestConcurrentCreatorsOfOneNameGetItOnce(t *testing.T) {
	location := t.TempDir()
	const creators = 16
	var wg sync.WaitGroup
	created := make(chan string, creators)
	for i := range creators {
		v := newView(t, Config{Location: location})
		wg.Go(func() {
			text := fmt.Sprint(i)
			_, err := v.Create(t.Context(), "d/same.txt", strings.NewReader(text))
			switch {
			case err == nil:
				created <- text
			case !errors.Is(err, fs.ErrExist):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(created)
	winner := <-created
	if other, more := <-created; more {
		t.Errorf("%s and %s both got the name", winner, other)
	}
	if got := content(t, newView(t, Config{Location: location}), "d/same.txt"); got != winner {
		t.Errorf("the file is %s's, not %s's", got, winner)
	}
	if found := leftovers(t, location); found != nil {
		t.Errorf("left %q", found)
	}
}

func TestReplaceIsForTheFileThatWasSeen(t *testing.T) {
	v := newView(t, Config{})
	first, err := v.Create(t.Context(), "f", strings.NewReader("1"))
	must(t, err)
	second, err := v.Replace(t.Context(), "f", strings.NewReader("22"), sameAs(first))
	must(t, err)
	if _, err := v.Replace(t.Context(), "f", strings.NewReader("3"), sameAs(first)); !errors.Is(err, ErrChanged) {
		t.Errorf("of one that was replaced already: %v, expected ErrChanged", err)
	}
	if _, err := v.Replace(t.Context(), "none", strings.NewReader("3"), every); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of none: %v, expected fs.ErrNotExist", err)
	}
	// It changes while the content is read.
	changing := io.MultiReader(strings.NewReader("4"), readerFunc(func([]byte) (int, error) {
		if _, err := v.Replace(context.Background(), "f", strings.NewReader("5"), every); err != nil {
			return 0, err
		}
		return 0, io.EOF
	}))
	if _, err := v.Replace(t.Context(), "f", changing, sameAs(second)); !errors.Is(err, ErrChanged) {
		t.Errorf("of one that changed meanwhile: %v, expected ErrChanged", err)
	}
	if got := content(t, v, "f"); got != "5" {
		t.Errorf("the file is %q", got)
	}
	if err := v.Remove("f", sameAs(second)); !errors.Is(err, ErrChanged) {
		t.Errorf("removing another: %v", err)
	}
	must(t, v.Remove("f", every))
	if err := v.Remove("f", every); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removing none: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestConcurrentReplacersNeverReplaceEachOtherUnseen(t *testing.T) {
	location := t.TempDir()
	v := newView(t, Config{Location: location})
	_, err := v.Create(t.Context(), "counter", strings.NewReader("0"))
	must(t, err)
	const replacers, times = 4, 10
	var wg sync.WaitGroup
	for range replacers {
		v := newView(t, Config{Location: location, NoSync: true})
		wg.Go(func() {
			for done := 0; done < times; {
				f, err := v.Open("counter")
				if err != nil {
					t.Error(err)
					return
				}
				seen, _ := f.Stat()
				var n int
				if _, err = fmt.Fscan(f, &n); err != nil {
					t.Error(err)
					return
				}
				_, err = v.Replace(t.Context(), "counter", strings.NewReader(fmt.Sprint(n+1)), sameAs(seen))
				_ = f.Close() // not before: its inode could be that of another file
				switch {
				case err == nil:
					done++
				case !errors.Is(err, ErrChanged):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := content(t, v, "counter"); got != fmt.Sprint(replacers*times) {
		t.Errorf("counted to %s: a replacement was lost", got)
	}
}

func TestReplacingAndRemovingKeepTheQuotaRight(t *testing.T) {
	v := newView(t, Config{Quota: func(Tenant) Quota { return Quota{Bytes: 10, Files: 1} }})
	_, err := v.Create(t.Context(), "f", strings.NewReader("1234"))
	must(t, err)
	if _, err := v.Create(t.Context(), "g", strings.NewReader("")); !errors.Is(err, ErrQuota) {
		t.Errorf("a second file: %v", err)
	}
	for range 3 {
		_, err := v.Replace(t.Context(), "f", strings.NewReader("123456"), every)
		must(t, err)
		_, err = v.Replace(t.Context(), "f", strings.NewReader("1234"), every)
		must(t, err)
	}
	if _, err := v.Replace(t.Context(), "f", strings.NewReader("1234567"), every); !errors.Is(err, ErrQuota) {
		t.Errorf("both together are too much: %v", err)
	}
	must(t, v.Remove("f", every))
	_, err = v.Create(t.Context(), "g", strings.NewReader("1234567890"))
	must(t, err)
}
