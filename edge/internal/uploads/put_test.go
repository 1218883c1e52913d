package uploads

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
)

func TestPutCreatesAFileAndNeverOverwrites(t *testing.T) {
	w := newWorld(t, Options{}, disk.Config{})
	r := w.send("PUT", "/media/t1/d/b%20c.txt", "one")
	w.expect("a new file", r, 201)
	if r.Header.Get("Location") != "/media/t1/d/b%20c.txt" || r.Header.Get("ETag") == "" || w.file("t1/d/b c.txt") != "one" {
		t.Errorf("%v, the file is %q", r.Header, w.file("t1/d/b c.txt"))
	}
	tag := r.Header.Get("ETag")
	for _, c := range []struct {
		name    string
		headers []string
		status  int
		content string
	}{
		{"a name that is taken", nil, 409, "one"},
		{"only if there is no file", []string{"If-None-Match", "*"}, 412, "one"},
		{"for another tag", []string{"If-Match", `"x"`}, 412, "one"},
		{"for a weak tag", []string{"If-Match", "W/" + tag}, 412, "one"},
		{"for tags that are none", []string{"If-Match", "x"}, 412, "one"},
		{"for its tag among others", []string{"If-Match", `"x", ` + tag}, 204, "two"},
		{"for the tag that it had", []string{"If-Match", tag}, 412, "two"},
		{"for any", []string{"If-Match", "*"}, 204, "two"},
	} {
		r := w.send("PUT", "/media/t1/d/b%20c.txt", "two", c.headers...)
		w.expect(c.name, r, c.status)
		if got := w.file("t1/d/b c.txt"); got != c.content {
			t.Errorf("%s: the file is %q", c.name, got)
		}
	}
	w.expect("replacing what is not there", w.send("PUT", "/media/t1/none", "x", "If-Match", "*"), 412)
	w.expect("an empty file", w.send("PUT", "/media/t1/empty", ""), 201)
	w.expect("chunked", w.sendBody("PUT", "/media/t1/chunked", struct{ io.Reader }{strings.NewReader("chunks")}), 201)
	if got := w.stored(); !slices.Equal(got, []string{"t1/chunked", "t1/d/b c.txt", "t1/empty"}) {
		t.Errorf("on the disk: %q", got)
	}
	s := w.handler.Stats()
	if s.Created != 3 || s.Replaced != 2 || s.Bytes != 15 || s.Failed[412] != 6 || s.Failed[409] != 1 {
		t.Errorf("counted %+v", s)
	}
}

func TestDeleteRemovesOnlyTheExpectedFile(t *testing.T) {
	w := newWorld(t, Options{}, disk.Config{})
	tag := w.send("PUT", "/media/t1/d/f", "x").Header.Get("ETag")
	w.expect("another tag", w.send("DELETE", "/media/t1/d/f", "", "If-Match", `"x"`), 412)
	w.expect("changed since", w.send("DELETE", "/media/t1/d/f", "", "If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"), 412)
	w.expect("a folder", w.send("DELETE", "/media/t1/d", ""), 404)
	w.expect("its tag", w.send("DELETE", "/media/t1/d/f", "", "If-Match", tag), 204)
	w.expect("again", w.send("DELETE", "/media/t1/d/f", ""), 404)
	w.expect("again, by tag", w.send("DELETE", "/media/t1/d/f", "", "If-Match", "*"), 412)
	if left := w.stored(); left != nil || w.handler.Stats().Deleted != 1 {
		t.Errorf("left %q, counted %+v", left, w.handler.Stats())
	}
}

func TestFilesOfOtherTenantsAreMissing(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	w.expect("t2's", w.send("PUT", "/media/t2/f", "x", "Tenant", "t2"), 201)
	for _, path := range []string{
		"/media/t2/f", "/media/t1/", "/media/t1", "/media/t1/..%2ft2/f", "/media/t1/%2e%2e/t2/f", "/media/t1/a//b",
		"/media/t1/./f", "/media/t11/f", "/other/f", "/media/t1/f%00", "/media/t1/.",
	} {
		for _, method := range []string{"PUT", "DELETE"} {
			w.expect(method+" "+path, w.send(method, path, "x"), 404)
		}
	}
	w.expect("a reserved name", w.send("PUT", "/media/t1/.tenantedge-x", "x"), 403)
	w.expect("a name too long", w.send("PUT", "/media/t1/"+strings.Repeat("x", 300), "x"), 403)
	if got := w.stored(); !slices.Equal(got, []string{"t2/f"}) {
		t.Errorf("on the disk: %q", got)
	}
}

func TestRejectedUploadsLeaveNothing(t *testing.T) {
	w := newWorld(t, Options{MaxBytes: 10}, disk.Config{MaxSize: 20, Quota: func(t storage.Tenant) storage.Quota {
		if t.Schema == "t2" {
			return storage.Quota{Bytes: 8, Files: 1}
		}
		return storage.Quota{}
	}})
	eleven := strings.Repeat("x", 11)
	digest := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	}
	for _, c := range []struct {
		name    string
		body    io.Reader
		headers []string
		status  int
	}{
		{"too large", strings.NewReader(eleven), nil, 413},
		{"too large, chunked", iotest.OneByteReader(strings.NewReader(eleven)), nil, 413},
		{"over the quota", strings.NewReader("123456789"), []string{"Tenant", "t2"}, 507},
		{"a part of a file", strings.NewReader("x"), []string{"Content-Range", "bytes 0-0/2"}, 400},
		{"encoded", strings.NewReader("x"), []string{"Content-Encoding", "gzip"}, 415},
		{"another digest", strings.NewReader("x"), []string{"Content-Digest", digest("y")}, 400},
		{"one digest of two is another", strings.NewReader("x"), []string{"Repr-Digest", digest("x") + ", sha-512=:YQ==:"}, 400},
		{"no digest", strings.NewReader("x"), []string{"Repr-Digest", "sha-256=x"}, 400},
	} {
		path := "/media/t1/d/f"
		if slices.Contains(c.headers, "t2") {
			path = "/media/t2/d/f"
		}
		w.expect(c.name, w.sendBody("PUT", path, c.body, c.headers...), c.status)
	}
	if left := w.stored(); left != nil {
		t.Errorf("left %q", left)
	}
	w.expect("its digest", w.send("PUT", "/media/t1/f", "x", "Content-Digest", digest("x")+", md5=:YQ==:", "Repr-Digest", digest("x")), 201)
	w.expect("within the quota", w.send("PUT", "/media/t2/f", "12345678", "Tenant", "t2"), 201)
	w.expect("one file too many", w.send("PUT", "/media/t2/g", "", "Tenant", "t2"), 507)
}

func TestAFullDiskStoresNothing(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{MinFree: 1 << 62})
	w.expect("PUT", w.send("PUT", "/media/t1/d/f", "x"), 507)
	w.expect("tus", w.send("POST", "/media/t1/d/f", "", "Tus-Resumable", "1.0.0", "Upload-Length", "5"), 507)
	if left := w.stored(); left != nil {
		t.Errorf("left %q", left)
	}
}

// TestALostConnectionLeavesNothing sends half of the announced content.
func TestALostConnectionLeavesNothing(t *testing.T) {
	w := newWorld(t, Options{}, disk.Config{})
	for _, head := range []string{"Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"} {
		c, err := net.Dial("tcp", w.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "PUT /media/t1/d/f HTTP/1.1\r\nHost: x\r\nTenant: t1\r\n%s", head)
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			w.expect("half of it", r, 400)
		}
		_ = c.Close()
	}
	w.Server.Close() // and waits for the requests
	if left := w.stored(); left != nil {
		t.Errorf("left %q", left)
	}
}

func TestASlowClientGets408(t *testing.T) {
	w := newWorld(t, Options{Timeout: time.Nanosecond}, disk.Config{})
	pr, pw := io.Pipe()
	defer pw.Close()
	w.expect("silent", w.sendBody("PUT", "/media/t1/f", pr), 408)
	if left := w.stored(); left != nil {
		t.Errorf("left %q", left)
	}
}

func TestConcurrentPutsOfOneNameMakeOneFile(t *testing.T) {
	w := newWorld(t, Options{}, disk.Config{})
	var wg sync.WaitGroup
	statuses := make(chan int, 16)
	for i := range cap(statuses) {
		wg.Go(func() { statuses <- w.send("PUT", "/media/t1/f", fmt.Sprint(i)).StatusCode })
	}
	wg.Wait()
	close(statuses)
	created := 0
	for status := range statuses {
		if status == 201 {
			created++
		} else if status != 409 {
			t.Errorf("answered %d", status)
		}
	}
	if created != 1 || len(w.stored()) != 1 {
		t.Errorf("%d created, on the disk: %q", created, w.stored())
	}
}

func TestReadersArePassedOn(t *testing.T) {
	w := newWorld(t, Options{}, disk.Config{})
	for _, method := range []string{"GET", "HEAD", "POST", "PATCH", "TRACE"} {
		w.expect(method, w.send(method, "/media/t1/f?te-upload=x", ""), 405)
	}
	r := w.send("OPTIONS", "/media/t1/f", "")
	w.expect("OPTIONS", r, 204)
	if r.Header.Get("Allow") != "GET, HEAD, PUT, DELETE, OPTIONS" || r.Header.Get("Tus-Version") != "" {
		t.Errorf("%v", r.Header)
	}
}

func FuzzDigests(f *testing.F) {
	f.Add("sha-256=:YQ==:, md5=:YQ==:")
	f.Add("sha-256=:")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := verifyDigests(strings.NewReader("x"), http.Header{"Content-Digest": {s}}); err != nil && !errors.Is(err, errNoDigest) {
			t.Fatal(err)
		}
		if c, err := checksum(http.Header{"Upload-Checksum": {s}}); err == nil && c == nil && s != "" {
			t.Fatalf("%q was left out", s)
		}
	})
}

func TestUploadsThatAreTooDeepAreRejectedAndLeaveNoFolders_C6(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{MaxDepth: 3})
	w.expect("PUT", w.send("PUT", "/media/t1/a/b/c/f", "x"), 201)
	w.expect("PUT too deep", w.send("PUT", "/media/t1/a/b/c/d/f", "x"), 403)
	w.expect("POST too deep", w.tus("POST", "/media/t1/a/b/c/d/f", "", "Upload-Length", "1"), 403)
	w.expect("PUT that fails", w.send("PUT", "/media/t1/x/y/f", "x", "Content-Digest", "sha-256=:AAAA:"), 400)
	w.expect("DELETE", w.send("DELETE", "/media/t1/a/b/c/f", ""), 204)
	left, err := os.ReadDir(filepath.Join(w.location, "t1"))
	if err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}
