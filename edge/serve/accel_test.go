package serve

import (
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
)

// orders is an application whose answers have the headers that the request asks
// for by X-Order-…, and a page.
func orders(w http.ResponseWriter, r *http.Request) {
	for name, values := range r.Header {
		if ordered, ok := strings.CutPrefix(name, "X-Order-"); ok {
			for _, v := range values {
				w.Header().Add(ordered, v)
			}
		}
	}
	_, _ = io.WriteString(w, "the application's page")
}

// startAccel starts a world whose application may order files from the folder
// private, which is next to that of media.
func startAccel(t *testing.T, changes ...func(*setup)) *mediaWorld {
	t.Helper()
	private := filepath.Join(t.TempDir(), "private")
	w := startMedia(t, append([]func(*setup){func(s *setup) {
		s.app = http.HandlerFunc(orders)
		s.options.URLConfs["app"] = config.URLConf{Accel: &config.Accel{Prefix: "/protected/", Location: private}}
	}}, changes...)...)
	w.location = private
	write(t, private, "acme/a.txt", "of acme")
	write(t, private, "acme/a b/ü%.txt", "odd name")
	write(t, private, "acme/x.html", "page")
	write(t, private, "other/a.txt", "of umbra")
	write(t, private, "root.txt", "of no tenant")
	write(t, filepath.Dir(private), "secret.txt", "secret")
	return w
}

func TestF6AnApplicationCanSendOnlyFilesOfItsTenant(t *testing.T) {
	w := startAccel(t)
	w.plantLinks()
	at := func(name string) string { return filepath.Join(w.location, name) }
	for _, c := range []struct {
		host, header, value string
		want                string // empty: 404
	}{
		{"acme.example.com", "X-Accel-Redirect", "/protected/a.txt", "of acme"},
		{"umbra.example.com", "X-Accel-Redirect", "/protected/a.txt", "of umbra"},
		{"acme.example.com", "X-Accel-Redirect", "/protected/a%20b/%C3%BC%25.txt", "odd name"},
		{"acme.example.com", "X-Accel-Redirect", "/protected/a.txt?x=y", "of acme"},
		{"acme.example.com", "X-Sendfile", at("acme/a.txt"), "of acme"},
		{"umbra.example.com", "X-Sendfile", at("other/a.txt"), "of umbra"},
		{"acme.example.com", "X-Sendfile", at("acme/a%20b/%C3%BC%25.txt"), "odd name"},
		{"acme.example.com", "X-Sendfile", at("acme/a b/%C3%BC%.txt"), ""},
		{"acme.example.com", "X-Sendfile", "a.txt", "of acme"},
		{"acme.example.com", "X-Accel-Redirect", "/protected/missing.txt", ""},
		{"acme.example.com", "X-Accel-Redirect", "/protected/", ""},
		{"acme.example.com", "X-Accel-Redirect", "/elsewhere/a.txt", ""},
		{"acme.example.com", "X-Accel-Redirect", "/media/acme/a.txt", ""},
		{"acme.example.com", "X-Accel-Redirect", "@named", ""},
		{"acme.example.com", "X-Accel-Redirect", "http://127.0.0.1/protected/a.txt", ""},
		{"acme.example.com", "X-Accel-Redirect", "/protected/../other/a.txt", ""},
		{"acme.example.com", "X-Accel-Redirect", "/protected/%2e%2e/other/a.txt", ""},
		{"acme.example.com", "X-Accel-Redirect", "/protected/%2e%2e%2fother%2fa.txt", ""},
		{"acme.example.com", "X-Accel-Redirect", "/protected/%252e%252e/other/a.txt", ""},
		{"acme.example.com", "X-Accel-Redirect", "/protected//etc/passwd", ""},
		{"acme.example.com", "X-Accel-Redirect", "/protected/%2fetc/passwd", ""},
		{"acme.example.com", "X-Accel-Redirect", "/protected/a.txt%00", ""},
		{"acme.example.com", "X-Accel-Redirect", "/protected/%zz", ""},
		{"acme.example.com", "X-Accel-Redirect", "/protected/out/a.txt", ""},
		{"acme.example.com", "X-Accel-Redirect", "/protected/outside.txt", ""},
		{"acme.example.com", "X-Accel-Redirect", "/protected/up/other/a.txt", ""},
		{"acme.example.com", "X-Accel-Redirect", "/protected/pipe", ""},
		{"acme.example.com", "X-Sendfile", at("other/a.txt"), ""},
		{"acme.example.com", "X-Sendfile", at("acme/../other/a.txt"), ""},
		{"acme.example.com", "X-Sendfile", at("acme/%2e%2e/other/a.txt"), ""},
		{"acme.example.com", "X-Sendfile", at("root.txt"), ""},
		{"acme.example.com", "X-Sendfile", at("../secret.txt"), ""},
		{"acme.example.com", "X-Sendfile", "../other/a.txt", ""},
		{"acme.example.com", "X-Sendfile", "/etc/passwd", ""},
		{"acme.example.com", "X-Sendfile", at("acme/out/a.txt"), ""},
		{"acme.example.com", "X-Sendfile", at("acme"), ""},
		{"acme.example.com", "X-Sendfile", at("acme2/a.txt"), ""},
		{"acme.example.com", "X-Sendfile", at(""), ""},
	} {
		a := w.get(c.host, "/any", "X-Order-"+c.header, c.value)
		status := http.StatusOK
		if c.want == "" {
			status = http.StatusNotFound
		}
		if a.StatusCode != status || c.want != "" && a.body != c.want || c.want == "" && (leak.MatchString(a.body) || strings.Contains(a.body, "page")) {
			t.Errorf("%s %s: %s: %d %q, expected %q", c.host, c.header, c.value, a.StatusCode, a.body, c.want)
		}
		for name := range a.Header {
			if strings.HasPrefix(name, "X-Accel") || name == "X-Sendfile" {
				t.Errorf("%s: the client sees %s", c.value, name)
			}
		}
	}
	several := w.request(http.MethodGet, "acme.example.com", "/", "X-Order-X-Accel-Redirect", "/protected/a.txt", "X-Order-X-Accel-Redirect", "/protected/x.html")
	if a := w.do(several); a.StatusCode != http.StatusNotFound {
		t.Errorf("two orders at once: %d", a.StatusCode)
	}
	if len(w.logs.entries("cannot send the file that the application named")) < 10 {
		t.Error("the log does not name the files that were not sent")
	}
}

func TestF6AccelHeadersHaveNoEffectWithoutTheKeyAccel(t *testing.T) {
	w := startAccel(t, func(s *setup) {
		s.options.URLConfs["app"] = config.URLConf{Accel: nil}
	})
	for header, value := range map[string]string{"X-Accel-Redirect": "/protected/a.txt", "X-Sendfile": filepath.Join(w.location, "acme/a.txt")} {
		a := w.get("acme.example.com", "/", "X-Order-"+header, value, "X-Order-X-Accel-Buffering", "no")
		if a.StatusCode != 200 || a.body != "the application's page" || a.Header.Get(header) != "" {
			t.Errorf("%s: %d %q, %v", header, a.StatusCode, a.body, a.Header)
		}
		if a.Header.Get("X-Accel-Buffering") != "no" {
			t.Errorf("X-Accel-Buffering does not reach a server in front of the edge: %v", a.Header)
		}
	}
	// The same headers have no effect if a client sends them.
	if a := w.get("acme.example.com", "/", "X-Accel-Redirect", "/protected/a.txt"); a.body != "the application's page" {
		t.Errorf("%q", a.body)
	}
}

func TestF6ARequestWithoutATenantGetsNoFiles(t *testing.T) {
	w := startAccel(t, func(s *setup) { s.options.Fallback = "app" })
	if a := w.get("unknown.example.com", "/", "X-Order-X-Accel-Redirect", "/protected/root.txt"); a.StatusCode != 404 || leak.MatchString(a.body) {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
}

func TestASentFileHasTheHeadersThatNginxSends(t *testing.T) {
	w := startAccel(t)
	a := w.get("acme.example.com", "/",
		"X-Order-X-Accel-Redirect", "/protected/a.txt", "X-Order-Content-Type", "application/pdf", "X-Order-Content-Disposition", `inline; filename="r.pdf"`,
		"X-Order-Cache-Control", "max-age=0, no-cache", "X-Order-Expires", "Thu, 01 Jan 1970 00:00:00 GMT", "X-Order-Set-Cookie", "a=1", "X-Order-Set-Cookie", "b=2",
		"X-Order-Etag", `"app"`, "X-Order-Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT", "X-Order-Content-Encoding", "gzip", "X-Order-X-Other", "y",
		"X-Order-X-Accel-Expires", "0", "X-Order-X-Accel-Buffering", "no", "X-Order-X-Accel-Limit-Rate", "100", "X-Order-X-Accel-Charset", "utf-8")
	if a.StatusCode != 200 || a.body != "of acme" || a.ContentLength != 7 {
		t.Errorf("%d %q, length %d", a.StatusCode, a.body, a.ContentLength)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/pdf", "Content-Disposition": `inline; filename="r.pdf"`, "Cache-Control": "max-age=0, no-cache",
		"Expires": "Thu, 01 Jan 1970 00:00:00 GMT", "Set-Cookie": "a=1,b=2", "Content-Encoding": "", "X-Other": "",
		"X-Accel-Expires": "", "X-Accel-Buffering": "", "X-Accel-Limit-Rate": "", "X-Accel-Charset": "", "Accept-Ranges": "bytes",
		"X-Content-Type-Options": "nosniff",
	} {
		if got := strings.Join(a.Header.Values(name), ","); got != want {
			t.Errorf("%s: %q, expected %q", name, got, want)
		}
	}
	if a.Header.Get("ETag") == `"app"` || a.Header.Get("Last-Modified") == "Thu, 01 Jan 1970 00:00:00 GMT" {
		t.Errorf("the headers are those of the page, expected those of the file: %v", a.Header)
	}
	order := []string{"X-Order-X-Accel-Redirect", "/protected/a.txt"}
	for _, c := range []struct {
		name, method string
		headers      []string
		status       int
		body         string
	}{
		{"a range", "GET", []string{"Range", "bytes=3-"}, 206, "acme"},
		{"a range that the application forbids", "GET", []string{"Range", "bytes=3-", "X-Order-Accept-Ranges", "none"}, 200, "of acme"},
		{"an unchanged file", "GET", []string{"If-None-Match", a.Header.Get("ETag")}, 304, ""},
		{"a head", "HEAD", nil, 200, ""},
		{"a form", "POST", nil, 200, "of acme"},
	} {
		got := w.do(w.request(c.method, "acme.example.com", "/", append(order, c.headers...)...))
		if got.StatusCode != c.status || got.body != c.body {
			t.Errorf("%s: %d %q, expected %d %q", c.name, got.StatusCode, got.body, c.status, c.body)
		}
	}
	failed := w.get("acme.example.com", "/", "X-Order-X-Accel-Redirect", "/protected/missing", "X-Order-Content-Type", "application/pdf", "X-Order-Set-Cookie", "a=1")
	if failed.StatusCode != 404 || failed.Header.Get("Content-Type") != "text/plain; charset=utf-8" || failed.Header.Get("Set-Cookie") != "a=1" {
		t.Errorf("a missing file: %d, %v", failed.StatusCode, failed.Header)
	}
	page := w.get("acme.example.com", "/", "X-Order-X-Accel-Redirect", "/protected/x.html", "X-Order-Content-Type", "text/html")
	if page.StatusCode != 200 || page.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("an uploaded HTML page: %d, %v", page.StatusCode, page.Header)
	}
}

// The headers are those that django-private-storage sends, for nginx and for
// Apache.
func TestDjangoPrivateStorageWorksUnchanged(t *testing.T) {
	w := startAccel(t, func(s *setup) {
		s.options.URLConfs["app"] = config.URLConf{Accel: &config.Accel{Prefix: "/private-x-accel-redirect/", Location: s.options.URLConfs["app"].Accel.Location}}
	})
	name := "a b/ü%.txt"
	for header, value := range map[string]string{
		"X-Accel-Redirect": (&url.URL{Path: "/private-x-accel-redirect/" + name}).EscapedPath(),
		"X-Sendfile":       filepath.Join(w.location, "acme", "a.txt"),
	} {
		a := w.get("acme.example.com", "/private/"+url.PathEscape(name),
			"X-Order-"+header, value, "X-Order-Content-Type", "text/plain", "X-Order-Expires", "Thu, 01 Jan 1970 00:00:00 GMT",
			"X-Order-Cache-Control", "max-age=0, no-cache, must-revalidate, proxy-revalidate")
		if a.StatusCode != 200 || a.body != "odd name" && a.body != "of acme" || a.Header.Get("Content-Type") != "text/plain" ||
			a.Header.Get("Cache-Control") != "max-age=0, no-cache, must-revalidate, proxy-revalidate" {
			t.Errorf("%s: %d %q, %v", header, a.StatusCode, a.body, a.Header)
		}
	}
}
