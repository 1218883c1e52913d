package files

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// settledCache returns a cache whose clock is an hour ahead, so that new files have
// not changed for long.
func settledCache(bytes int64) *Cache {
	c := NewCache(bytes)
	c.Now = func() time.Time { return time.Now().Add(time.Hour) }
	return c
}

// got answers a request for a file and returns the content; "-" if there is none.
func got(t *testing.T, c *Cache, fsys fs.FS, name string) string {
	t.Helper()
	w := httptest.NewRecorder()
	if err := Send(w, httptest.NewRequest(http.MethodGet, "/", nil), fsys, name, Options{Cache: c}); err != nil {
		return "-"
	}
	return w.Body.String()
}

func TestAKeptFileIsNeverStale(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(path string) error
		want   string
		gets   bool // the change is of a name only: the file is still the one in memory
	}{
		{"written in place", func(p string) error { return os.WriteFile(p, []byte("new"), 0o600) }, "new", false},
		{"written in place, with its old times", func(p string) error {
			info, err := os.Stat(p)
			if err == nil {
				err = os.WriteFile(p, []byte("new"), 0o600)
			}
			if err == nil {
				err = os.Chtimes(p, info.ModTime(), info.ModTime())
			}
			return err
		}, "new", false},
		{"appended", func(p string) error {
			f, err := os.OpenFile(p, os.O_APPEND|os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteString("+")
				f.Close()
			}
			return err
		}, "old+", false},
		{"truncated", func(p string) error { return os.Truncate(p, 1) }, "o", false},
		{"replaced by a rename", func(p string) error {
			if err := os.WriteFile(p+".new", []byte("new"), 0o600); err != nil {
				return err
			}
			return os.Rename(p+".new", p)
		}, "new", false},
		{"removed and created", func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return os.WriteFile(p, []byte("new"), 0o600)
		}, "new", false},
		{"removed", os.Remove, "-", false},
		{"renamed away", func(p string) error { return os.Rename(p, p+".old") }, "-", false},
		{"its folder renamed away", func(p string) error { return os.Rename(filepath.Dir(p), filepath.Dir(p)+".old") }, "-", false},
		{"its folder replaced", func(p string) error {
			if err := os.Rename(filepath.Dir(p), filepath.Dir(p)+".old"); err != nil {
				return err
			}
			if err := os.Mkdir(filepath.Dir(p), 0o700); err != nil {
				return err
			}
			return os.WriteFile(p, []byte("new"), 0o600)
		}, "new", false},
		{"replaced by a folder", func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return os.Mkdir(p, 0o700)
		}, "-", false},
		{"replaced by a pipe", func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return syscall.Mkfifo(p, 0o600)
		}, "-", false},
		{"replaced by a link to another file", func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return os.Symlink("other.txt", p)
		}, "of another name", false},
		{"replaced by a link to the same file elsewhere", func(p string) error {
			if err := os.Rename(p, p+".old"); err != nil {
				return err
			}
			return os.Symlink(filepath.Base(p)+".old", p)
		}, "old", true},
		{"replaced by a link out of the folder", func(p string) error {
			outside := filepath.Join(filepath.Dir(filepath.Dir(filepath.Dir(p))), "outside.txt")
			if err := os.Rename(p, outside); err != nil {
				return err
			}
			return os.Symlink(outside, p)
		}, "-", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "root")
			path := filepath.Join(root, "d", "a.txt")
			write(t, path, "old")
			write(t, filepath.Join(root, "d", "other.txt"), "of another name")
			folder, err := OpenFolder(root)
			if err != nil {
				t.Fatal(err)
			}
			defer folder.Close()
			cache := settledCache(1 << 20)
			for range 2 {
				if text := got(t, cache, folder, "d/a.txt"); text != "old" {
					t.Fatalf("%q", text)
				}
			}
			if s := cache.Stats(); s.Hits != 1 || s.Misses != 1 {
				t.Fatalf("%+v", s)
			}
			// A kernel's clock ticks every few milliseconds; a change in the tick of
			// the last one is what settled is for.
			for before := stat(t, path).Sys().(*syscall.Stat_t).Ctim; ; {
				touch := filepath.Join(root, "tick")
				write(t, touch, "")
				if stat(t, touch).Sys().(*syscall.Stat_t).Ctim != before {
					break
				}
			}
			if err := c.change(path); err != nil {
				t.Fatal(err)
			}
			if text := got(t, cache, folder, "d/a.txt"); text != c.want {
				t.Errorf("%q, expected %q", text, c.want)
			}
		})
	}
}

// Root may read everything, so the test looks at the cache itself.
func TestAFileWithOtherPermissionsIsOpenedAgain(t *testing.T) {
	folder, path := openFolder(t)
	write(t, filepath.Join(path, "a.txt"), "text")
	cache := settledCache(1 << 20)
	got(t, cache, folder, "a.txt")
	for wait := time.Now(); time.Since(wait) < 20*time.Millisecond; { // more than a tick
		if err := os.Chmod(filepath.Join(path, "a.txt"), 0); err != nil {
			t.Fatal(err)
		}
	}
	if got(t, cache, folder, "a.txt"); cache.Stats().Hits != 0 {
		t.Error("the permissions of the kept file were not checked again")
	}
	if os.Geteuid() != 0 && got(t, cache, folder, "a.txt") != "-" {
		t.Error("a file that may not be read was sent")
	}
}

func TestOnlySmallFilesThatHaveSettledAreKept(t *testing.T) {
	folder, path := openFolder(t)
	write(t, filepath.Join(path, "a.txt"), "text")
	write(t, filepath.Join(path, "empty.txt"), "")
	write(t, filepath.Join(path, "largest.txt"), strings.Repeat("x", LargestKept))
	write(t, filepath.Join(path, "large.txt"), strings.Repeat("x", LargestKept+1))
	cache := NewCache(1 << 20)
	changed := time.Unix(stat(t, filepath.Join(path, "large.txt")).Sys().(*syscall.Stat_t).Ctim.Unix())
	var now time.Time
	cache.Now = func() time.Time { return now }
	hits := func(name string) uint64 {
		t.Helper()
		before := cache.Stats().Hits
		for range 2 {
			if info := stat(t, filepath.Join(path, name)); len(got(t, cache, folder, name)) != int(info.Size()) {
				t.Errorf("%s was not sent completely", name)
			}
		}
		return cache.Stats().Hits - before
	}
	for _, c := range []struct {
		name string
		at   time.Time
		hits uint64
	}{
		{"a.txt", changed.Add(-time.Hour), 0}, // the clock was set back
		{"a.txt", changed, 0},
		{"a.txt", changed.Add(settled - time.Second), 0},
		{"a.txt", changed.Add(settled), 1},
		{"a.txt", changed.Add(settled + keptFor - 1), 2},
		{"a.txt", changed.Add(settled + keptFor), 1}, // is read again
		{"empty.txt", changed.Add(time.Hour), 1},
		{"largest.txt", changed.Add(time.Hour), 1},
		{"large.txt", changed.Add(time.Hour), 0},
	} {
		if now = c.at; hits(c.name) != c.hits {
			t.Errorf("%s, %v after its change: expected %d hits", c.name, c.at.Sub(changed), c.hits)
		}
	}
	if NewCache(0) != nil || got(t, nil, folder, "a.txt") != "text" || (*Cache)(nil).Stats() != (CacheStats{}) {
		t.Error("without memory there is no cache")
	}
}

func TestFilesOfANetworkAreNotKept(t *testing.T) {
	for _, path := range []string{"/proc/self/status", "/sys/kernel/mm"} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if isLocal(f) {
			t.Errorf("%s counts as a file of a disk", path)
		}
		f.Close()
	}
}

// A folder that is requested once does not displace what is requested often.
func TestTheCacheKeepsItsBoundAndWhatIsRequestedOften(t *testing.T) {
	folder, path := openFolder(t)
	const bound, size = 256 << 10, 4 << 10
	write(t, filepath.Join(path, "often.txt"), "often")
	for n := range 200 {
		write(t, filepath.Join(path, fmt.Sprint(n)), strings.Repeat("x", size))
	}
	cache := settledCache(bound)
	for n := range 200 {
		got(t, cache, folder, "often.txt")
		got(t, cache, folder, "often.txt")
		got(t, cache, folder, fmt.Sprint(n))
		cache.files.CleanUp() // which another goroutine does otherwise
		if used := cache.Stats().Bytes; used > bound {
			t.Fatalf("%d bytes are in memory, expected at most %d", used, bound)
		}
	}
	if s := cache.Stats(); s.Hits != 399 || s.Bytes < bound/2 {
		t.Errorf("%+v: expected the file to stay in memory", s)
	}
}

func TestTwoFoldersNeverShareWhatIsKept(t *testing.T) {
	one, onePath := openFolder(t)
	two, twoPath := openFolder(t)
	write(t, filepath.Join(onePath, "a.txt"), "of one")
	write(t, filepath.Join(twoPath, "a.txt"), "of two")
	write(t, filepath.Join(onePath, "linked.txt"), "linked")
	if err := os.Link(filepath.Join(onePath, "linked.txt"), filepath.Join(twoPath, "linked.txt")); err != nil {
		t.Fatal(err)
	}
	cache := settledCache(1 << 20)
	for range 3 {
		for _, c := range []struct {
			folder     *Folder
			name, want string
		}{{one, "a.txt", "of one"}, {two, "a.txt", "of two"}, {one, "linked.txt", "linked"}, {two, "linked.txt", "linked"}} {
			if text := got(t, cache, c.folder, c.name); text != c.want {
				t.Errorf("%q, expected %q", text, c.want)
			}
		}
	}
	if s := cache.Stats(); s.Misses != 4 || s.Hits != 8 {
		t.Errorf("%+v, expected one entry for each folder and file", s)
	}
	if err := os.Remove(filepath.Join(twoPath, "linked.txt")); err != nil {
		t.Fatal(err)
	}
	if text := got(t, cache, two, "linked.txt"); text != "-" {
		t.Errorf("%q was sent from a folder that has no such file any more", text)
	}
}

// Every answer is the same with and without the cache.
func TestKeptFilesChangeNoAnswer(t *testing.T) {
	folder, path := openFolder(t)
	for name, text := range map[string]string{"a.css": "0123456789", "a.css.gz": gzipped(t, "0123456789"), "a.html": "page", "empty.txt": "", "large.txt": strings.Repeat("0123456789", 3000)} {
		write(t, filepath.Join(path, name), text)
	}
	cache := settledCache(1 << 20)
	tag := sendRequest(t, folder, http.MethodHead, "a.css", Options{}).Header.Get("ETag")
	for _, o := range []Options{{}, {Active: true}, {Precompressed: true}, {NoRanges: true}} {
		for _, name := range []string{"a.css", "a.html", "empty.txt", "large.txt"} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				for _, headers := range [][]string{
					nil, {"Accept-Encoding: gzip"}, {"Range: bytes=2-4"}, {"Range: bytes=0-0,5-"}, {"Range: bytes=99999-"}, {"Accept-Encoding: gzip", "Range: bytes=-3"},
					{"If-None-Match: " + tag}, {`If-Match: "x"`}, {"If-Modified-Since: Mon, 02 Nov 2026 00:00:00 GMT"}, {"If-Range: " + tag, "Range: bytes=2-"},
				} {
					o.Cache = nil
					want := sendRequest(t, folder, method, name, o, headers...)
					wanted := bodyOf(t, want)
					o.Cache = cache
					for range 2 {
						found := sendRequest(t, folder, method, name, o, headers...)
						boundary := strings.NewReplacer(strings.TrimPrefix(found.Header.Get("Content-Type"), "multipart/byteranges; boundary="), strings.TrimPrefix(want.Header.Get("Content-Type"), "multipart/byteranges; boundary="))
						if body := boundary.Replace(bodyOf(t, found)); found.StatusCode != want.StatusCode || body != wanted || boundary.Replace(fmt.Sprint(found.Header)) != fmt.Sprint(want.Header) {
							t.Errorf("%s %s with %v: %d %v %q, expected %d %v %q", method, name, headers, found.StatusCode, found.Header, body, want.StatusCode, want.Header, wanted)
						}
					}
				}
			}
		}
	}
	if s := cache.Stats(); s.Hits < 100 {
		t.Errorf("%+v", s)
	}
}

// A writer replaces a file, whose content is a number, by the next one. A reader
// gets at least the number that was there before its request.
func TestReadersNeverGetAnOlderFileThanWasThere(t *testing.T) {
	folder, path := openFolder(t)
	replace := func(n int64) {
		next := filepath.Join(path, "a.txt.new")
		write(t, next, fmt.Sprint(n))
		if err := os.Rename(next, filepath.Join(path, "a.txt")); err != nil {
			t.Error(err)
		}
	}
	cache := NewCache(1 << 20)
	// Files are kept 20 ms after their change, which is longer than a tick.
	cache.Now = func() time.Time { return time.Now().Add(settled - 20*time.Millisecond) }
	const last = 100
	var written atomic.Int64
	var failed atomic.Bool
	replace(0)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var all sync.WaitGroup
	all.Go(func() {
		for n := int64(1); n <= last; n++ {
			for hits := cache.Stats().Hits; n%20 == 0 && cache.Stats().Hits == hits && !failed.Load(); {
				<-tick.C // until the file is in memory
			}
			replace(n)
			written.Store(n)
		}
	})
	for range 2 {
		all.Go(func() {
			for n := int64(0); n < last; {
				least := written.Load()
				if _, err := fmt.Sscan(got(t, cache, folder, "a.txt"), &n); err != nil || n < least {
					t.Errorf("%d, %v: expected at least %d", n, err, least)
					failed.Store(true)
					return
				}
			}
		})
	}
	all.Wait()
	if cache.Stats().Hits == 0 {
		t.Error("nothing was sent from memory")
	}
}

func TestAKeptFileIsSentWithFewAllocations(t *testing.T) {
	folder, path := openFolder(t)
	write(t, filepath.Join(path, "a.txt"), "text")
	o := Options{Cache: settledCache(1 << 20)}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	w := discarded{}
	statted := testing.AllocsPerRun(100, func() { _, _ = folder.Stat("a.txt") })
	if n := testing.AllocsPerRun(100, func() {
		clear(w)
		if err := Send(w, r, folder, "a.txt", o); err != nil {
			t.Error(err)
		}
	}); n > statted {
		t.Errorf("%v allocations, expected the %v of os.Root.Stat", n, statted)
	}
}

// discarded is the header of a response that is discarded.
type discarded http.Header

func (d discarded) Header() http.Header         { return http.Header(d) }
func (d discarded) WriteHeader(int)             {}
func (d discarded) Write(p []byte) (int, error) { return len(p), nil }
