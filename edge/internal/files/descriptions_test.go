package files

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// plainInfo is the information about a file without an inode, as in a bucket.
type plainInfo struct{ fs.FileInfo }

func (plainInfo) Sys() any { return nil }

func stat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// agree compares cached descriptions with new ones.
func agree(t *testing.T, d *Descriptions, info fs.FileInfo) *description {
	t.Helper()
	found, want := d.of(info), (*Descriptions)(nil).of(info)
	if fmt.Sprint(*found) != fmt.Sprint(*want) {
		t.Errorf("cached %v, expected %v", *found, *want)
	}
	return found
}

func TestADescriptionChangesWithTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	at := time.Date(2026, 11, 23, 4, 5, 6, 789, time.UTC)
	change := func(text string, at time.Time) func() {
		return func() {
			write(t, path, text)
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	var d Descriptions
	var before *description
	for _, c := range []struct {
		name   string
		change func()
		same   bool
	}{
		{"first seen", change("one", at), false},
		{"seen again", func() {}, true},
		{"another size", change("three", at), false},
		{"another time, by a nanosecond", change("seven", at.Add(1)), false},
		{"no time", change("seven", time.Unix(0, 0)), false},
		{"replaced by another of the same size and time", func() {
			replacement := path + ".new"
			write(t, replacement, "eight")
			if err := os.Chtimes(replacement, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(replacement, path); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		c.change()
		found := agree(t, &d, stat(t, path))
		if same := found == before; same != c.same {
			t.Errorf("%s: the cached description is unchanged: %v, expected %v", c.name, same, c.same)
		}
		before = found
	}
}

func TestFilesWithoutAnInodeAreNotCached(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	write(t, path, "text")
	var d Descriptions
	info := plainInfo{stat(t, path)}
	if first := agree(t, &d, info); agree(t, &d, info) == first {
		t.Error("it is cached, although another file may have the same size and time")
	}
}

// More files than slots replace each other.
func TestDescriptionsOfManyFilesAtOnce(t *testing.T) {
	folder := t.TempDir()
	var infos []fs.FileInfo
	for n := range 700 {
		path := filepath.Join(folder, fmt.Sprint(n))
		write(t, path, fmt.Sprint(n))
		infos = append(infos, stat(t, path))
	}
	var d Descriptions
	var done sync.WaitGroup
	for worker := range 4 {
		done.Go(func() {
			for n := range infos {
				agree(t, &d, infos[(n+worker*97)%len(infos)])
			}
		})
	}
	done.Wait()
}

func TestCachedDescriptionsChangeNoAnswer(t *testing.T) {
	folder, path := openFolder(t)
	write(t, filepath.Join(path, "a.txt"), "text")
	d := new(Descriptions)
	for _, headers := range [][]string{nil, {"Range: bytes=1-2"}, {`If-None-Match: "other"`}} {
		want := sendRequest(t, folder, http.MethodGet, "a.txt", Options{}, headers...)
		for range 2 {
			got := sendRequest(t, folder, http.MethodGet, "a.txt", Options{Descriptions: d}, headers...)
			if got.StatusCode != want.StatusCode || fmt.Sprint(got.Header) != fmt.Sprint(want.Header) {
				t.Errorf("with %v: %d %v, expected %d %v", headers, got.StatusCode, got.Header, want.StatusCode, want.Header)
			}
		}
	}
}
