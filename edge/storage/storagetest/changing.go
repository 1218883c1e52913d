package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// every accepts any file.
func every(fs.FileInfo) bool { return true }

// same reports whether two existing files are the same.
func same(a, b fs.FileInfo) bool {
	if tag, ok := a.Sys().(string); ok { // the ETag of an object
		return tag != "" && b.Sys() == tag
	}
	return os.SameFile(a, b)
}

// sameAs accepts only the file that was seen.
func sameAs(seen fs.FileInfo) func(fs.FileInfo) bool {
	return func(found fs.FileInfo) bool { return same(seen, found) && seen.ModTime().Equal(found.ModTime()) }
}

func create(t *testing.T, f tenantFiles, name, content string) fs.FileInfo {
	t.Helper()
	info, err := f.Create(t.Context(), name, strings.NewReader(content))
	must(t, err)
	return info
}

func creating(t *testing.T, p Backend) {
	f := p.files(t, "t1", Config{})
	info := create(t, f, "a/b/c.txt", "one")
	found, err := f.Stat("a/b/c.txt")
	must(t, err)
	if !sameAs(info)(found) || info.Size() != 3 || info.Name() == "" || !info.Mode().IsRegular() {
		t.Errorf("returned %v, found %v", info, found)
	}
	for _, name := range []string{"a/b/c.txt", "./a//b/c.txt", "a/b", "a/b/c.txt/d"} {
		if _, err := f.Create(t.Context(), name, strings.NewReader("two")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v, expected fs.ErrExist", name, err)
		}
	}
	if got := content(t, f, "a/b/c.txt"); got != "one" {
		t.Errorf("overwritten by %q", got)
	}
	for _, name := range []string{"../t2/x", "/x", "", "d/", ".tenantedge-x", "a\x00"} {
		if _, err := f.Create(t.Context(), name, strings.NewReader("")); !errors.Is(err, storage.ErrSuspicious) {
			t.Errorf("creating %q: %v, expected ErrSuspicious", name, err)
		}
		if _, err := f.Replace(t.Context(), name, strings.NewReader(""), every); err == nil {
			t.Errorf("%q was replaced", name)
		}
		if err := f.Remove(name, every); err == nil {
			t.Errorf("%q was removed", name)
		}
	}
	want := pattern(2*p.Large+p.Large/3, 5)
	info, err = f.Create(t.Context(), "large", stream(want))
	must(t, err)
	if got := content(t, f, "large"); got != string(want) || info.Size() != int64(len(want)) {
		t.Errorf("%d bytes, returned %d, expected %d", len(got), info.Size(), len(want))
	}
	p.nothingLeft(t)
}

func replacing(t *testing.T, p Backend) {
	f := p.files(t, "t1", Config{})
	first := create(t, f, "d/f", "1")
	second, err := f.Replace(t.Context(), "d/f", strings.NewReader("22"), sameAs(first))
	must(t, err)
	if found, err := f.Stat("d/f"); err != nil || !sameAs(second)(found) || second.Size() != 2 {
		t.Errorf("returned %v, found %v, %v", second, found, err)
	}
	for what, c := range map[string]struct {
		name string
		is   func(fs.FileInfo) bool
		want error
	}{
		"one that was replaced already": {"d/f", sameAs(first), storage.ErrChanged},
		"a folder":                      {"d", every, storage.ErrChanged},
		"none":                          {"none", every, fs.ErrNotExist},
	} {
		if _, err := f.Replace(t.Context(), c.name, strings.NewReader("3"), c.is); !errors.Is(err, c.want) {
			t.Errorf("replacing %s: %v, expected %v", what, err, c.want)
		}
	}
	// The file changes, or is removed, while the content is read.
	while := func(do func() error) io.Reader {
		return io.MultiReader(strings.NewReader("4"), readerFunc(func([]byte) (int, error) {
			if err := do(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}))
	}
	_, err = f.Replace(t.Context(), "d/f", while(func() error {
		_, err := f.Replace(context.Background(), "d/f", strings.NewReader("5"), every)
		return err
	}), sameAs(second))
	if !errors.Is(err, storage.ErrChanged) {
		t.Errorf("a file that changed meanwhile: %v, expected ErrChanged", err)
	}
	if got := content(t, f, "d/f"); got != "5" {
		t.Errorf("the file is %q", got)
	}
	if _, err = f.Replace(t.Context(), "d/f", while(func() error { return f.Remove("d/f", every) }), every); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, storage.ErrChanged) {
		t.Errorf("a file that was removed meanwhile: %v", err)
	}
	if exists, err := f.Exists("d/f"); exists || err != nil {
		t.Errorf("exists: %v, %v: a removed file is back", exists, err)
	}
	p.nothingLeft(t)
}

func replacingLarge(t *testing.T, p Backend) {
	f := p.files(t, "t1", Config{})
	seen := create(t, f, "d/f", "small")
	want := pattern(p.Large+p.Large/3, 6)
	large, err := f.Replace(t.Context(), "d/f", stream(want), sameAs(seen))
	must(t, err)
	if got := content(t, f, "d/f"); got != string(want) || large.Size() != int64(len(want)) {
		t.Errorf("%d bytes, returned %d, expected %d", len(got), large.Size(), len(want))
	}
	if _, err := f.Replace(t.Context(), "d/f", stream(want), sameAs(seen)); !errors.Is(err, storage.ErrChanged) {
		t.Errorf("a file that was replaced before: %v, expected ErrChanged", err)
	}
	_, err = f.Replace(t.Context(), "d/f", strings.NewReader("small again"), sameAs(large))
	must(t, err)
	if got := content(t, f, "d/f"); got != "small again" {
		t.Errorf("the file is %q", got)
	}
	p.nothingLeft(t)
}

func removing(t *testing.T, p Backend) {
	f := p.files(t, "t1", Config{})
	first := create(t, f, "d/f", "1")
	_, err := f.Replace(t.Context(), "d/f", strings.NewReader("22"), every)
	must(t, err)
	for what, c := range map[string]struct {
		name string
		is   func(fs.FileInfo) bool
		want error
	}{
		"another":  {"d/f", sameAs(first), storage.ErrChanged},
		"a folder": {"d", every, fs.ErrNotExist},
		"none":     {"none", every, fs.ErrNotExist},
		"outside":  {"../t2/f", every, storage.ErrSuspicious},
	} {
		if err := f.Remove(c.name, c.is); !errors.Is(err, c.want) {
			t.Errorf("removing %s: %v, expected %v", what, err, c.want)
		}
	}
	must(t, f.Remove("d/f", every))
	if err := f.Remove("d/f", every); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removing it twice: %v, expected fs.ErrNotExist", err)
	}
	p.nothingLeft(t)
}

func creators(t *testing.T, p Backend) {
	const creators = 8
	var wg sync.WaitGroup
	created := make(chan string, creators)
	for i := range creators {
		f := p.files(t, "t1", Config{})
		wg.Go(func() {
			text := fmt.Sprint(i)
			_, err := f.Create(t.Context(), "d/same.txt", strings.NewReader(text))
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
	if got := content(t, p.files(t, "t1", Config{}), "d/same.txt"); got != winner {
		t.Errorf("the file is %s's, not %s's", got, winner)
	}
	p.nothingLeft(t)
}

// replacers replace one file concurrently, each with its own storage, like
// processes. No file may be replaced twice: one replacement would be lost.
func replacers(t *testing.T, p Backend) {
	create(t, p.files(t, "t1", Config{}), "f", "first")
	const replacers, times = 4, 10
	var (
		mu       sync.Mutex
		replaced []fs.FileInfo
		wg       sync.WaitGroup
	)
	for i := range replacers {
		f := p.files(t, "t1", Config{})
		wg.Go(func() {
			for done := 0; done < times; {
				opened, err := f.OpenRead("f")
				if err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(func() { _ = opened.Close() }) // not earlier: another file could get its inode
				seen, err := opened.Stat()
				if err != nil {
					t.Error(err)
					return
				}
				_, err = f.Replace(t.Context(), "f", strings.NewReader(fmt.Sprint(i, done)), func(found fs.FileInfo) bool { return same(seen, found) })
				switch {
				case err == nil:
					done++
					mu.Lock()
					replaced = append(replaced, seen)
					mu.Unlock()
				case !errors.Is(err, storage.ErrChanged):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for i, one := range replaced {
		for _, other := range replaced[:i] {
			if same(one, other) {
				t.Errorf("%v was replaced twice: a replacement was lost", one)
			}
		}
	}
	if len(replaced) != replacers*times {
		t.Errorf("%d were replaced", len(replaced))
	}
	p.nothingLeft(t)
}

func failedChanges(t *testing.T, p Backend) {
	broken := errors.New("connection reset")
	half := func(size int) io.Reader { return io.MultiReader(stream(pattern(size, 3)), iotest.ErrReader(broken)) }
	f := p.files(t, "t1", Config{MaxSize: int64(3 * p.Large)})
	old := create(t, f, "old", "old")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		what    string
		ctx     context.Context
		content func() io.Reader
		want    error
	}{
		{"broken", t.Context(), func() io.Reader { return half(100) }, broken},
		{"broken late", t.Context(), func() io.Reader { return half(2 * p.Large) }, broken},
		{"too large", t.Context(), func() io.Reader { return stream(pattern(3*p.Large+1, 3)) }, storage.ErrTooLarge},
		{"given up", cancelled, func() io.Reader { return strings.NewReader("x") }, context.Canceled},
	} {
		if _, err := f.Create(c.ctx, "d/new", c.content()); !errors.Is(err, c.want) {
			t.Errorf("creating, %s: %v, expected %v", c.what, err, c.want)
		}
		if _, err := f.Replace(c.ctx, "old", c.content(), sameAs(old)); !errors.Is(err, c.want) {
			t.Errorf("replacing, %s: %v, expected %v", c.what, err, c.want)
		}
		p.nothingLeft(t)
	}
	if got := list(t, f, ""); got != "/old" || content(t, f, "old") != "old" {
		t.Errorf("%q remain", got)
	}
}

func changesKeepQuotas(t *testing.T, p Backend) {
	f := p.files(t, "t1", limited(storage.Quota{Bytes: 10, Files: 1}))
	create(t, f, "f", "1234")
	if _, err := f.Create(t.Context(), "g", strings.NewReader("")); !errors.Is(err, storage.ErrQuota) {
		t.Errorf("a second file: %v", err)
	}
	replace := func(content string) error {
		_, err := f.Replace(t.Context(), "f", strings.NewReader(content), every)
		return err
	}
	for range 3 {
		must(t, replace("123456"))
		must(t, replace("1234"))
	}
	if err := replace("1234567"); !errors.Is(err, storage.ErrQuota) {
		t.Errorf("both files exceed the quota: %v", err)
	}
	must(t, f.Remove("f", every))
	create(t, f, "g", "1234567890")
	if u, err := f.Usage(t.Context()); u != (storage.Usage{Bytes: 10, Files: 1}) || err != nil {
		t.Errorf("%+v, %v", u, err)
	}
	p.nothingLeft(t)
}
