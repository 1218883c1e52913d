package uploads

import (
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
)

// tus sends a request of the tus protocol.
func (w *world) tus(method, path, content string, headers ...string) *http.Response {
	w.t.Helper()
	headers = append([]string{"Tus-Resumable", "1.0.0"}, headers...)
	if content != "" {
		headers = append([]string{"Content-Type", "application/offset+octet-stream"}, headers...)
	}
	return w.send(method, path, content, headers...)
}

// begin begins an upload and returns its URL.
func (w *world) begin(path, length string, headers ...string) string {
	w.t.Helper()
	r := w.tus("POST", path, "", append([]string{"Upload-Length", length}, headers...)...)
	w.expect("POST "+path, r, 201)
	at := r.Header.Get("Location")
	if !strings.HasPrefix(at, path+"?") && !strings.Contains(at, "&te-upload=") || r.Header.Get("Upload-Expires") == "" {
		w.t.Fatalf("POST %s answered %v", path, r.Header)
	}
	return at
}

func (w *world) offset(at, want string) {
	w.t.Helper()
	r := w.tus("HEAD", at, "")
	w.expect("HEAD", r, 200)
	if got := r.Header.Get("Upload-Offset"); got != want || r.Header.Get("Cache-Control") != "no-store" {
		w.t.Errorf("HEAD: %v, expected offset %s", r.Header, want)
	}
}

func TestAnUploadCanBeResumed(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	at := w.begin("/media/t1/d/b%20c.bin", "10")
	w.offset(at, "0")
	r := w.tus("PATCH", at, "0123", "Upload-Offset", "0")
	w.expect("the first part", r, 204)
	if r.Header.Get("Upload-Offset") != "4" || r.Header.Get("Upload-Expires") == "" {
		t.Errorf("%v", r.Header)
	}
	w.offset(at, "4")
	w.expect("from elsewhere", w.tus("PATCH", at, "x", "Upload-Offset", "3"), 409)
	w.expect("after the end", w.tus("PATCH", at, "x", "Upload-Offset", "5"), 409)
	w.expect("more than there is", w.tus("PATCH", at, "0123456", "Upload-Offset", "4"), 413)
	w.expect("another type", w.send("PATCH", at, "x", "Tus-Resumable", "1.0.0", "Upload-Offset", "4"), 415)
	w.expect("another version", w.send("PATCH", at, "x", "Upload-Offset", "4"), 412)
	if w.file("t1/d/b c.bin") != "" {
		t.Error("it is there before it is complete")
	}
	r = w.tus("PATCH", at, "456789", "Upload-Offset", "4")
	w.expect("the last part", r, 204)
	if r.Header.Get("Upload-Offset") != "10" || r.Header.Get("Content-Location") != "/media/t1/d/b%20c.bin" || w.file("t1/d/b c.bin") != "0123456789" {
		t.Errorf("%v, the file is %q", r.Header, w.file("t1/d/b c.bin"))
	}
	w.offset(at, "10") // for a client that did not get the last answer
	s := w.handler.Stats()
	if s.Begun != 1 || s.Finished != 1 || s.Bytes != 10 || s.Failed[409] != 2 {
		t.Errorf("counted %+v", s)
	}
}

func TestCreatingAnUploadMayIncludeItsFirstPartOrAllOfIt(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	r := w.tus("POST", "/media/t1/f", "half", "Upload-Length", "8")
	w.expect("half", r, 201)
	w.offset(r.Header.Get("Location"), "4")
	w.expect("all", w.tus("POST", "/media/t1/g", "whole", "Upload-Length", "5"), 201)
	w.expect("nothing", w.tus("POST", "/media/t1/h", "", "Upload-Length", "0"), 201)
	if w.file("t1/g") != "whole" || !slices.Contains(w.stored(), "t1/h") {
		t.Errorf("on the disk: %q", w.stored())
	}
}

func TestTheClientNamesAFileInAFolder(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	name := func(s string) string { return "x eA==,filename " + base64.StdEncoding.EncodeToString([]byte(s)) }
	at := w.begin("/media/t1/in/", "3", "Upload-Metadata", name(`C:\..\my file?.txt`))
	w.expect("PATCH", w.tus("PATCH", at, "one", "Upload-Offset", "0"), 204)
	if got := w.file("t1/in/my_file.txt"); got != "one" {
		t.Errorf("on the disk: %q", w.stored())
	}
	r := w.tus("POST", "/media/t1/in/", "two", "Upload-Length", "3", "Upload-Metadata", name("my_file.txt"))
	w.expect("a name that is taken", r, 201)
	if saved := r.Header.Get("Content-Location"); !strings.HasPrefix(saved, "/media/t1/in/my_file_") || w.file("t1/in/my_file.txt") != "one" {
		t.Errorf("saved as %q", saved)
	}
	for what, meta := range map[string]string{"no name": "x eA==", "no text": name(""), "dots": name("..")} {
		w.expect(what, w.tus("POST", "/media/t1/in/", "", "Upload-Length", "3", "Upload-Metadata", meta), 404)
	}
	w.expect("another's folder", w.tus("POST", "/media/t2/in/", "", "Upload-Length", "3", "Upload-Metadata", name("f")), 404)
}

func TestAnUploadBelongsToItsTenantAndName(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	at := w.begin("/media/t1/f", "10")
	query := at[strings.IndexByte(at, '?'):]
	for what, path := range map[string]string{
		"another tenant":              "/media/t2/f" + query,
		"another name":                "/media/t1/g" + query,
		"a name below":                "/media/t1/f/g" + query,
		"an id that is none":          "/media/t1/f?te-upload=" + strings.Repeat("x", 26),
		"an id that leads out":        "/media/t1/f?te-upload=..%2f..%2ft1%2fx",
		"two ids":                     at + "&te-upload=x",
		"an id of which one is right": "/media/t1/f?te-upload=x&" + query[1:],
	} {
		tenant := "t1"
		if strings.HasPrefix(path, "/media/t2") {
			tenant = "t2"
		}
		w.expect(what+": HEAD", w.tus("HEAD", path, "", "Tenant", tenant), 404)
		w.expect(what+": PATCH", w.tus("PATCH", path, "x", "Upload-Offset", "0", "Tenant", tenant), 404)
		w.expect(what+": DELETE", w.tus("DELETE", path, "", "Tenant", tenant), 404)
	}
	w.offset(at, "0")
	w.expect("its folder", w.tus("PATCH", "/media/t1/"+query, "x", "Upload-Offset", "0"), 204)
	w.offset(at, "1")
}

func TestAnUploadCanBeTerminated(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	at := w.begin("/media/t1/f", "10")
	w.expect("PATCH", w.tus("PATCH", at, "0123", "Upload-Offset", "0"), 204)
	w.expect("DELETE", w.tus("DELETE", at, ""), 204)
	w.expect("HEAD", w.tus("HEAD", at, ""), 404)
	if left := w.stored(); left != nil {
		t.Errorf("left %q", left)
	}
}

func TestAnUploadExpires(t *testing.T) {
	w := newWorld(t, Options{Resumable: true, Expiry: time.Nanosecond}, disk.Config{})
	at := w.begin("/media/t1/f", "10")
	w.expect("HEAD", w.tus("HEAD", at, ""), 404)
	w.expect("PATCH", w.tus("PATCH", at, "0123", "Upload-Offset", "0"), 404)
}

func TestAPartWithAWrongChecksumIsDropped(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	sum := func(s string) string {
		sum := sha1.Sum([]byte(s))
		return "sha1 " + base64.StdEncoding.EncodeToString(sum[:])
	}
	at := w.begin("/media/t1/f", "8")
	w.expect("another", w.tus("PATCH", at, "0123", "Upload-Offset", "0", "Upload-Checksum", sum("0124")), 460)
	w.offset(at, "0")
	w.expect("none that is known", w.tus("PATCH", at, "0123", "Upload-Offset", "0", "Upload-Checksum", "md5 YQ=="), 400)
	w.expect("its own", w.tus("PATCH", at, "0123", "Upload-Offset", "0", "Upload-Checksum", sum("0123")), 204)
	w.expect("another at the end", w.tus("PATCH", at, "4567", "Upload-Offset", "4", "Upload-Checksum", sum("x")), 460)
	w.offset(at, "4")
	w.expect("its own at the end", w.tus("PATCH", at, "4567", "Upload-Offset", "4", "Upload-Checksum", sum("4567")), 204)
	if got := w.file("t1/f"); got != "01234567" {
		t.Errorf("the file is %q", got)
	}
}

func TestResumableUploadsHaveTheSameLimits(t *testing.T) {
	w := newWorld(t, Options{Resumable: true, MaxBytes: 10}, disk.Config{Quota: func(storage.Tenant) storage.Quota {
		return storage.Quota{Bytes: 8, Files: 4} // of which an upload takes two
	}})
	w.expect("too large", w.tus("POST", "/media/t1/f", "", "Upload-Length", "11"), 413)
	w.expect("over the quota", w.tus("POST", "/media/t1/f", "", "Upload-Length", "9"), 507)
	w.expect("without a length", w.tus("POST", "/media/t1/f", "", "Upload-Defer-Length", "1"), 501)
	w.expect("metadata without end", w.tus("POST", "/media/t1/f", "", "Upload-Length", "1", "Upload-Metadata", "x "+strings.Repeat("YWFh", 4000)), 431)
	first, second := w.begin("/media/t1/f", "8"), w.begin("/media/t1/g", "8")
	w.expect("a third file", w.tus("POST", "/media/t1/h", "", "Upload-Length", "1"), 507)
	w.expect("a part", w.tus("PATCH", first, "012345", "Upload-Offset", "0"), 204)
	w.expect("both together", w.tus("PATCH", second, "012345", "Upload-Offset", "0"), 507)
	w.expect("the rest of the first", w.tus("PATCH", first, "67", "Upload-Offset", "6"), 204)
}

func TestANameInUseRejectsUploads(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	at := w.begin("/media/t1/f", "3")
	w.expect("PUT", w.send("PUT", "/media/t1/f", "first"), 201)
	w.expect("POST", w.tus("POST", "/media/t1/f", "", "Upload-Length", "3"), 409)
	w.expect("PATCH", w.tus("PATCH", at, "two", "Upload-Offset", "0"), 409)
	w.expect("HEAD", w.tus("HEAD", at, ""), 404)
	if left := w.stored(); !slices.Equal(left, []string{"t1/f"}) || w.file("t1/f") != "first" {
		t.Errorf("on the disk: %q", left)
	}
}

func TestAMethodInAHeaderIsIgnored(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	at := w.begin("/media/t1/f", "3")
	w.expect("POST", w.tus("POST", at, "", "X-HTTP-Method-Override", "DELETE", "Upload-Length", "5"), 201)
	w.offset(at, "0")
}

// TestTheClientThatReconnectsWins: a connection that died unnoticed holds its
// upload only until its client returns.
func TestTheClientThatReconnectsWins(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	at := w.begin("/media/t1/f", "8")
	pr, pw := io.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		w.expect("the one that hangs", w.sendBody("PATCH", at, pr, "Tus-Resumable", "1.0.0",
			"Content-Type", "application/offset+octet-stream", "Upload-Offset", "0"), 400)
	})
	if _, err := pw.Write([]byte("0123")); err != nil {
		t.Fatal(err)
	}
	partial := filepath.Join(w.location, "t1", ".tenantedge-partial", at[strings.LastIndexByte(at, '=')+1:])
	for { // until it arrives
		if info, err := os.Stat(partial); err != nil {
			t.Fatal(err)
		} else if info.Size() == 4 {
			break
		}
	}
	w.offset(at, "4")
	w.expect("the rest", w.tus("PATCH", at, "4567", "Upload-Offset", "4"), 204)
	_ = pw.Close()
	wg.Wait()
	if got := w.file("t1/f"); got != "01234567" {
		t.Errorf("the file is %q", got)
	}
}

func TestConcurrentPartsMakeOneCompleteFile(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	const content = "abcdefghijklmnopqrstuvwxyz"
	at := w.begin("/media/t1/f", "26")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range content {
				r := w.tus("PATCH", at, content[i:i+1], "Upload-Offset", strings.TrimLeft(string(rune('0'+i/10))+string(rune('0'+i%10)), "")) // two digits
				switch r.StatusCode {
				case 204, 409, 423, 400:
				default:
					t.Errorf("answered %d", r.StatusCode)
				}
			}
		})
	}
	wg.Wait()
	for r := w.tus("HEAD", at, ""); r.Header.Get("Upload-Offset") != "26"; r = w.tus("HEAD", at, "") {
		from := r.Header.Get("Upload-Offset")
		n := 0
		for _, c := range from {
			n = n*10 + int(c-'0')
		}
		w.expect("PATCH", w.tus("PATCH", at, content[n:], "Upload-Offset", from), 204)
	}
	if got := w.file("t1/f"); got != content {
		t.Errorf("the file is %q", got)
	}
}

func TestOptionsListTheCapabilities(t *testing.T) {
	w := newWorld(t, Options{Resumable: true, MaxBytes: 10}, disk.Config{})
	r := w.send("OPTIONS", "/media/t1/", "")
	w.expect("OPTIONS", r, 204)
	for name, want := range map[string]string{
		"Tus-Version": "1.0.0", "Tus-Resumable": "1.0.0", "Tus-Max-Size": "10", "Tus-Checksum-Algorithm": "sha1,sha256,sha512",
		"Tus-Extension": "creation,creation-with-upload,termination,expiration,checksum",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestTheURLOfAnUploadHasTheSignature: it has all of the query of the first
// request.
func TestTheURLOfAnUploadHasTheSignature(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	r := w.tus("POST", "/media/t1/f?te-key=k&te-signature=s", "", "Upload-Length", "3")
	w.expect("POST", r, 201)
	if at := r.Header.Get("Location"); !strings.HasPrefix(at, "/media/t1/f?te-key=k&te-signature=s&te-upload=") {
		t.Errorf("the upload is at %q", at)
	}
}

func TestEveryResponseOfTheProtocolHasItsVersion_C7(t *testing.T) {
	w := newWorld(t, Options{Resumable: true, MaxBytes: 10}, disk.Config{})
	at := w.begin("/media/t1/f", "8")
	const part = "application/offset+octet-stream"
	for _, c := range []struct {
		name, method, path, content string
		status                      int
		headers                     []string
	}{
		{"another version", "PATCH", at, "x", 412, []string{"Tus-Resumable", "0.2.2", "Content-Type", part, "Upload-Offset", "0"}},
		{"no version", "PATCH", at, "x", 412, []string{"Content-Type", part, "Upload-Offset", "0"}},
		{"another version of the first request", "POST", "/media/t1/g", "", 412, []string{"Tus-Resumable", "2.0.0", "Upload-Length", "1"}},
		{"no version of the first request", "POST", "/media/t1/g", "", 412, []string{"Upload-Length", "1"}},
		{"another version of the end", "DELETE", at, "", 412, []string{"Tus-Resumable", "1"}},
		{"another version of a question", "HEAD", at, "", 412, []string{"Tus-Resumable", "1"}},
		{"no version of a question", "HEAD", at, "", 200, nil},
		{"no type", "PATCH", at, "x", 415, []string{"Tus-Resumable", "1.0.0", "Upload-Offset", "0"}},
		{"a type of forms", "PATCH", at, "x", 415, []string{"Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/x-www-form-urlencoded"}},
		{"two types", "PATCH", at, "x", 415, []string{"Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", part + "," + part}},
		{"no file", "POST", "/media/t1/", "", 404, []string{"Tus-Resumable", "1.0.0", "Upload-Length", "1"}},
		{"no upload", "PATCH", "/media/t1/f?te-upload=x", "x", 404, []string{"Tus-Resumable", "1.0.0", "Content-Type", part, "Upload-Offset", "0"}},
		{"no method", "PATCH", "/media/t1/f", "x", 405, []string{"Tus-Resumable", "1.0.0", "Content-Type", part, "Upload-Offset", "0"}},
		{"too large", "POST", "/media/t1/g", "", 413, []string{"Tus-Resumable", "1.0.0", "Upload-Length", "11"}},
		{"a checksum that is none", "PATCH", at, "x", 400, []string{"Tus-Resumable", "1.0.0", "Content-Type", part, "Upload-Offset", "0", "Upload-Checksum", "x"}},
		{"a type in capitals", "PATCH", at, "0", 204, []string{"Tus-Resumable", "1.0.0", "Content-Type", "Application/Offset+Octet-Stream", "Upload-Offset", "0"}},
		{"a type with a parameter", "PATCH", at, "1", 204, []string{"Tus-Resumable", "1.0.0", "Content-Type", part + "; a=b", "Upload-Offset", "1"}},
	} {
		r := w.send(c.method, c.path, c.content, c.headers...)
		w.expect(c.name, r, c.status)
		if got := r.Header["Tus-Resumable"]; len(got) != 1 || got[0] != "1.0.0" {
			t.Errorf("%s: Tus-Resumable %q", c.name, got)
		}
		if (r.Header.Get("Tus-Version") == "1.0.0") != (c.status == 412) || (r.Header.Get("Accept-Patch") == part) != (c.status == 415) {
			t.Errorf("%s: %v", c.name, r.Header)
		}
	}
	w.offset(at, "2")
	if r := w.send("PUT", "/media/t1/h", "x"); r.Header.Get("Tus-Resumable") != "" {
		t.Errorf("PUT: %v", r.Header)
	}
}

func TestNumbersOfResumableUploadsHaveOneSpelling_C7(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	for _, length := range []string{"", "+5", "-5", "5.0", "0x5", "5,5", "5 5", "٥", "99999999999999999999"} {
		w.expect("Upload-Length "+length, w.tus("POST", "/media/t1/f", "", "Upload-Length", length), 400)
	}
	begun := w.tus("POST", "/media/t1/f", "", "Upload-Length", "005")
	w.expect("leading zeros", begun, 201)
	for _, offset := range []string{"", "+0", "-0", "0,0", "0x0"} {
		w.expect("Upload-Offset "+offset, w.tus("PATCH", begun.Header.Get("Location"), "abcde", "Upload-Offset", offset), 400)
	}
	twice := httptest.NewRequest("PATCH", begun.Header.Get("Location"), strings.NewReader("abcde"))
	twice.Header = http.Header{"Tenant": {"t1"}, "Tus-Resumable": {tusVersion}, "Content-Type": {partType}, "Upload-Offset": {"0", "5"}}
	got := httptest.NewRecorder()
	w.serve(got, twice)
	w.expect("two lines", got.Result(), 400)
	w.expect("one number", w.tus("PATCH", begun.Header.Get("Location"), "abcde", "Upload-Offset", "0"), 204)
}
