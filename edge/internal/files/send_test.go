package files

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func openFolder(t *testing.T) (*Folder, string) {
	t.Helper()
	path := t.TempDir()
	f, err := OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, path
}

// sendRequest answers a request by Send. Headers are "name: value".
func sendRequest(t *testing.T, fsys fs.FS, method, name string, o Options, headers ...string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "/", nil)
	for _, h := range headers {
		n, v, _ := strings.Cut(h, ": ")
		r.Header.Add(n, v)
	}
	if err := Send(w, r, fsys, name, o); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return w.Result()
}

func bodyOf(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRangesAndConditionsAreAnsweredInTheOrderOfTheStandard(t *testing.T) {
	folder, path := openFolder(t)
	write(t, filepath.Join(path, "a.txt"), "0123456789")
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(path, "a.txt"), at, at); err != nil {
		t.Fatal(err)
	}
	tag := sendRequest(t, folder, http.MethodHead, "a.txt", Options{}).Header.Get("ETag")
	if len(tag) < 10 || strings.HasPrefix(tag, "W/") {
		t.Fatalf("the tag is %q, expected a strong one", tag)
	}
	const before, after, same = "Sat, 31 Oct 2026 00:00:00 GMT", "Mon, 02 Nov 2026 00:00:00 GMT", "Sun, 01 Nov 2026 00:00:00 GMT"
	for _, c := range []struct {
		name    string
		headers []string
		status  int
		body    string
	}{
		{"plain", nil, 200, "0123456789"},
		{"a range", []string{"Range: bytes=2-4"}, 206, "234"},
		{"the end", []string{"Range: bytes=-3"}, 206, "789"},
		{"from the middle", []string{"Range: bytes=7-"}, 206, "789"},
		{"past the end", []string{"Range: bytes=7-100"}, 206, "789"},
		{"after the end", []string{"Range: bytes=10-"}, 416, "*"},
		{"another unit", []string{"Range: lines=1-2"}, 200, "0123456789"},
		{"no bytes", []string{"Range: bytes=x"}, 200, "0123456789"},
		{"the same tag", []string{"If-None-Match: " + tag}, 304, ""},
		{"one of several tags", []string{`If-None-Match: "x", ` + tag}, 304, ""},
		{"a weak form of the tag", []string{"If-None-Match: W/" + tag}, 304, ""},
		{"any tag", []string{"If-None-Match: *"}, 304, ""},
		{"another tag", []string{`If-None-Match: "x"`}, 200, "0123456789"},
		{"a tag counts before a time", []string{`If-None-Match: "x"`, "If-Modified-Since: " + after}, 200, "0123456789"},
		{"not modified", []string{"If-Modified-Since: " + same}, 304, ""},
		{"modified", []string{"If-Modified-Since: " + before}, 200, "0123456789"},
		{"no time at all", []string{"If-Modified-Since: yesterday"}, 200, "0123456789"},
		{"it must match, and does", []string{"If-Match: " + tag}, 200, "0123456789"},
		{"it must match, and does not", []string{`If-Match: "x"`}, 412, ""},
		{"a weak tag never matches strongly", []string{"If-Match: W/" + tag}, 412, ""},
		{"a match counts before a time", []string{"If-Match: " + tag, "If-Unmodified-Since: " + before}, 200, "0123456789"},
		{"modified since", []string{"If-Unmodified-Since: " + before}, 412, ""},
		{"If-Match fails before If-None-Match", []string{`If-Match: "x"`, "If-None-Match: " + tag}, 412, ""},
		{"not modified counts before a range", []string{"If-None-Match: " + tag, "Range: bytes=2-4"}, 304, ""},
		{"a range of this very file", []string{"If-Range: " + tag, "Range: bytes=2-4"}, 206, "234"},
		{"a range of another file", []string{`If-Range: "x"`, "Range: bytes=2-4"}, 200, "0123456789"},
		{"a range by a weak tag", []string{"If-Range: W/" + tag, "Range: bytes=2-4"}, 200, "0123456789"},
		{"a range by the same time", []string{"If-Range: " + same, "Range: bytes=2-4"}, 206, "234"},
		{"a range by another time", []string{"If-Range: " + after, "Range: bytes=2-4"}, 200, "0123456789"},
		{"ranges that overlap are one", []string{"Range: bytes=0-,0-,0-"}, 206, "0123456789"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r := sendRequest(t, folder, method, "a.txt", Options{}, c.headers...)
			body := bodyOf(t, r)
			want, status := c.body, c.status
			if method == http.MethodHead {
				want = ""
				if status == 206 || status == 416 { // there are no ranges without content
					status = 200
				}
			}
			if r.StatusCode != status || body != want && c.body != "*" {
				t.Errorf("%s %s: %d %q, expected %d %q", method, c.name, r.StatusCode, body, status, want)
			}
			if r.StatusCode < 300 && r.Header.Get("Content-Length") == "" {
				t.Errorf("%s %s: no length", method, c.name)
			}
		}
	}
}

func TestSeveralRangesAreSentInParts(t *testing.T) {
	folder, path := openFolder(t)
	write(t, filepath.Join(path, "a.txt"), "0123456789")
	r := sendRequest(t, folder, http.MethodGet, "a.txt", Options{}, "Range: bytes=0-1,8-")
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.StatusCode != http.StatusPartialContent || kind != "multipart/byteranges" || err != nil {
		t.Fatalf("%d %s", r.StatusCode, kind)
	}
	parts := multipart.NewReader(r.Body, params["boundary"])
	for _, want := range []string{"01", "89"} {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(p)
		if string(got) != want || p.Header.Get("Content-Type") != "text/plain; charset=utf-8" || err != nil {
			t.Errorf("a part is %q of type %q, expected %q", got, p.Header.Get("Content-Type"), want)
		}
	}
}

func TestAChangedFileGetsAnotherTag(t *testing.T) {
	folder, path := openFolder(t)
	name := filepath.Join(path, "a.txt")
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	seen := map[string]string{}
	look := func(what string) {
		tag := sendRequest(t, folder, http.MethodHead, "a.txt", Options{}).Header.Get("ETag")
		if before, ok := seen[tag]; ok {
			t.Errorf("%s: the tag is that of %s", what, before)
		}
		seen[tag] = what
	}
	write(t, name, "one")
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
	look("the first")
	write(t, name+".new", "two") // another inode, the same size and time
	if err := os.Chtimes(name+".new", at, at); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
	look("a replacement")
	if err := os.Chtimes(name, at, at.Add(time.Nanosecond)); err != nil {
		t.Fatal(err)
	}
	look("a nanosecond later")
	write(t, name, "longer")
	if err := os.Chtimes(name, at, at.Add(time.Nanosecond)); err != nil {
		t.Fatal(err)
	}
	look("another size")
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAPrecompressedFileIsSentToClientsThatAcceptIt(t *testing.T) {
	folder, path := openFolder(t)
	old := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	zipped := gzipped(t, "p {}")
	write(t, filepath.Join(path, "a.css"), "p {}")
	write(t, filepath.Join(path, "a.css.gz"), zipped)
	write(t, filepath.Join(path, "a.css.br"), "brotli")
	write(t, filepath.Join(path, "b.css"), "b {}")
	write(t, filepath.Join(path, "b.css.zst"), "zstd")
	write(t, filepath.Join(path, "stale.css"), "new {}")
	write(t, filepath.Join(path, "stale.css.gz"), gzipped(t, "old {}"))
	write(t, filepath.Join(path, "c.png"), "png")
	write(t, filepath.Join(path, "c.png.gz"), "gz")
	write(t, filepath.Join(path, "d.css"), "d {}")
	if err := os.Mkdir(filepath.Join(path, "d.css.gz"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(path, "stale.css.gz"), old, old); err != nil {
		t.Fatal(err)
	}
	o := Options{Precompressed: true}
	for _, c := range []struct{ name, accept, coding, body string }{
		{"a.css", "", "", "p {}"},
		{"a.css", "gzip", "gzip", zipped},
		{"a.css", "x-gzip", "gzip", zipped},
		{"a.css", "GZIP", "gzip", zipped},
		{"a.css", "gzip, br", "br", "brotli"},
		{"a.css", "gzip, deflate, br, zstd", "br", "brotli"},
		{"a.css", "br;q=0.5, gzip;q=0.8", "gzip", zipped},
		{"a.css", "br;q=0, gzip;q=0.001", "gzip", zipped},
		{"a.css", "*", "br", "brotli"},
		{"a.css", "*;q=0.1, br;q=0", "gzip", zipped},
		{"a.css", "gzip;q=0", "", "p {}"},
		{"a.css", "gzip;q=2", "", "p {}"},
		{"a.css", "identity", "", "p {}"},
		{"b.css", "gzip, br, zstd", "zstd", "zstd"},
		{"b.css", "gzip, br", "", "b {}"},
		{"stale.css", "gzip", "", "new {}"},
		{"c.png", "gzip", "", "png"},
		{"d.css", "gzip", "", "d {}"},
	} {
		var headers []string
		if c.accept != "" {
			headers = append(headers, "Accept-Encoding: "+c.accept)
		}
		r := sendRequest(t, folder, http.MethodGet, c.name, o, headers...)
		if body := bodyOf(t, r); body != c.body || r.Header.Get("Content-Encoding") != c.coding || int(r.ContentLength) != len(c.body) {
			t.Errorf("%s for %q: %q %q, length %d", c.name, c.accept, r.Header.Get("Content-Encoding"), body, r.ContentLength)
		}
		if c.name != "c.png" && (r.Header.Get("Vary") != "Accept-Encoding" || r.Header.Get("Content-Type") != "text/css; charset=utf-8") {
			t.Errorf("%s for %q: Vary %q, type %q", c.name, c.accept, r.Header.Get("Vary"), r.Header.Get("Content-Type"))
		}
	}
	plain, coded := sendRequest(t, folder, "HEAD", "a.css", o), sendRequest(t, folder, "HEAD", "a.css", o, "Accept-Encoding: gzip")
	if plain.Header.Get("ETag") == coded.Header.Get("ETag") {
		t.Error("both forms have one tag")
	}
	if r := sendRequest(t, folder, "GET", "a.css", o, "Accept-Encoding: gzip", "Range: bytes=0-1"); r.StatusCode != 206 || bodyOf(t, r) != zipped[:2] || r.Header.Get("Content-Length") != "2" {
		t.Errorf("a range of the compressed form: %d, length %q", r.StatusCode, r.Header.Get("Content-Length"))
	}
	if r := sendRequest(t, folder, "GET", "a.css", o, "Accept-Encoding: gzip", `If-Match: "x"`); r.StatusCode != 412 || r.Header.Get("Content-Length") != "" {
		t.Errorf("a condition that fails: %d, length %q", r.StatusCode, r.Header.Get("Content-Length"))
	}
	if r := sendRequest(t, folder, "GET", "a.css", o, "Accept-Encoding: gzip", "If-None-Match: "+coded.Header.Get("ETag")); r.StatusCode != 304 || r.Header.Get("Content-Length") != "" {
		t.Errorf("not modified: %d, %v", r.StatusCode, r.Header)
	}
}

func TestActiveContentIsAnAttachmentUnlessItIsTrusted(t *testing.T) {
	folder, path := openFolder(t)
	for _, c := range []struct {
		name, kind, untrusted string
		active                bool
	}{
		{"a.html", "text/html; charset=utf-8", "text/html; charset=utf-8", true},
		{"A.HTM", "text/html; charset=utf-8", "text/html; charset=utf-8", true},
		{"a.svg", "image/svg+xml", "image/svg+xml", true},
		{"a.xml", "text/xml; charset=utf-8", "text/xml; charset=utf-8", true},
		{"a.xhtml", "application/xhtml+xml", "application/xhtml+xml", true},
		{"a.js", "text/javascript; charset=utf-8", octets, true},
		{"a.mjs", "text/javascript; charset=utf-8", octets, true},
		{"a.png", "image/png", "image/png", false},
		{"a.pdf", "application/pdf", "application/pdf", false},
		{"a.txt", "text/plain; charset=utf-8", "text/plain; charset=utf-8", false},
		{"a.unknown", octets, octets, false},
		{"html", octets, octets, false},
		{"a.html ", octets, octets, false},
		{"a.html.gz", "application/gzip", "application/gzip", false},
	} {
		write(t, filepath.Join(path, c.name), "<script>alert(1)</script>")
		for _, trusted := range []bool{true, false} {
			r := sendRequest(t, folder, http.MethodGet, c.name, Options{Active: trusted})
			kind, restricted := c.untrusted, c.active
			if trusted {
				kind, restricted = c.kind, false
			}
			disposition, policy := r.Header.Get("Content-Disposition"), r.Header.Get("Content-Security-Policy")
			if r.Header.Get("Content-Type") != kind || (disposition == "attachment") != restricted || strings.Contains(policy, "sandbox") != restricted {
				t.Errorf("%s, trusted %v: type %q, disposition %q, policy %q", c.name, trusted, r.Header.Get("Content-Type"), disposition, policy)
			}
			if r.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: browsers may guess its type", c.name)
			}
		}
	}
}

func TestEveryTypeThatBrowsersRunIsKnownAsActive(t *testing.T) {
	for _, name := range []string{
		"text/html", "TEXT/HTML; charset=x", "text/javascript1.5", "text/xsl", "text/cache-manifest", "message/rfc822", "application/xml-dtd", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml", "application/rss+xml",
		"text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript", "text/x-ecmascript", "text/jscript", "multipart/x-mixed-replace; boundary=a",
	} {
		if essence, ok := essenceOf([]string{name}); !ok || dangerOf(essence) == harmless {
			t.Errorf("%s counts as harmless", name)
		}
	}
}

func TestAFileHasOnlyOnePath(t *testing.T) {
	for _, path := range []string{
		"/media/acme/", "/media/acme/.", "/media/acme/a/", "/media/acme//a", "/media/acme/./a", "/media/acme/a/../b", "/media/acme/../umbra/a",
		"/media/acme/a\x00", "/media/acme/\xff", "/media/umbra/a", "/media/acm", "",
	} {
		if name, ok := Name(path, "/media/acme/"); ok {
			t.Errorf("%q names %q", path, name)
		}
	}
	if name, ok := Name("/media/acme/a b/%2e.txt", "/media/acme/"); name != "a b/%2e.txt" || !ok {
		t.Errorf("%q, %v", name, ok)
	}
}

// The response writer of net/http gets the file itself, so that the kernel can
// send it.
func TestTheKernelSendsPrecompressedFilesToo(t *testing.T) {
	folder, path := openFolder(t)
	write(t, filepath.Join(path, "a.css"), strings.Repeat("p {}", smallSize))
	write(t, filepath.Join(path, "a.css.gz"), strings.Repeat("zipped", smallSize))
	for _, o := range []Options{{}, {Precompressed: true}, {NoRanges: true}} {
		w := &kernel{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		if err := Send(w, r, folder, "a.css", o); err != nil {
			t.Fatal(err)
		}
		if !w.file {
			t.Errorf("%+v: the file was copied", o)
		}
	}
}

// kernel records whether it got a file.
type kernel struct {
	*httptest.ResponseRecorder
	file bool
}

func (k *kernel) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	if ok {
		_, k.file = limited.R.(*os.File)
	}
	return io.Copy(k.ResponseRecorder, r)
}

func FuzzAcceptEncoding(f *testing.F) {
	f.Add("gzip, br;q=0.5, *;q=0")
	f.Add("gzip;q=")
	f.Add(";;;,,,q=1")
	f.Fuzz(func(t *testing.T, value string) {
		weights, identity := accepted([]string{value})
		if identity < 0 || identity > 1000 {
			t.Errorf("%q: identity has weight %d", value, identity)
		}
		for i, w := range weights {
			if w < 0 || w > 1000 {
				t.Errorf("%q: %s has weight %d", value, codings[i].name, w)
			}
		}
	})
}

func FuzzName(f *testing.F) {
	f.Add("/media/acme/a b/ü.txt")
	f.Add("/media/acme/../umbra/a.txt")
	f.Add("/media/acme//a")
	f.Add("/media/acme/a\x00")
	f.Fuzz(func(t *testing.T, path string) {
		const prefix = "/media/acme/"
		name, ok := Name(path, prefix)
		if !ok {
			return
		}
		if prefix+name != path || !fs.ValidPath(name) || name == "." || strings.Contains(name, "\x00") {
			t.Errorf("%q names %q", path, name)
		}
	})
}
