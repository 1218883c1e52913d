package server

import (
	"io"
	"net/http"
	"testing"
)

func TestAFolderOfASiteIsServedByItsIndex(t *testing.T) {
	w := start(t)
	write(t, w.folder, "index.html", "<p>home</p>")
	write(t, w.folder, "docs/index.html", "docs")
	write(t, w.folder, "a b/index.html", "blank")
	write(t, w.folder, "evil.example:80/index.html", "colon")
	write(t, w.folder, "style.css", "p {}")
	for _, c := range []struct {
		target           string
		status           int
		body, kind, goes string
	}{
		{"/", 200, "<p>home</p>", "text/html; charset=utf-8", ""},
		{"/index.html", 200, "<p>home</p>", "text/html; charset=utf-8", ""},
		{"/docs/", 200, "docs", "text/html; charset=utf-8", ""},
		{"/docs/index.html", 200, "docs", "text/html; charset=utf-8", ""},
		{"/style.css", 200, "p {}", "text/css; charset=utf-8", ""},
		{"/docs", 301, "", "", "./docs/"},
		{"/docs?x=y", 301, "", "", "./docs/?x=y"},
		{"/a%20b", 301, "", "", "./a%20b/"},
		{"/evil.example:80", 301, "", "", "./evil.example:80/"},
		{"//docs", 404, "", "text/plain; charset=utf-8", ""},
		{"//evil.example/..", 404, "", "text/plain; charset=utf-8", ""},
		{"/docs//", 404, "", "text/plain; charset=utf-8", ""},
		{"/style.css/", 404, "", "text/plain; charset=utf-8", ""},
		{"/docs/../style.css", 404, "", "text/plain; charset=utf-8", ""},
	} {
		resp := w.raw("GET " + c.target + " HTTP/1.1\r\nHost: files.example.com\r\nConnection: close\r\n\r\n")
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != c.status || c.status == 200 && string(body) != c.body || resp.Header.Get("Content-Type") != c.kind || resp.Header.Get("Location") != c.goes {
			t.Errorf("%s: %d %q of type %q to %q", c.target, resp.StatusCode, body, resp.Header.Get("Content-Type"), resp.Header.Get("Location"))
		}
	}
	if a := w.get("files.example.com", "/index.html"); a.Header.Get("Content-Disposition") != "" || a.Header.Get("Content-Security-Policy") != "" {
		t.Errorf("a page of the site is treated as an upload: %v", a.Header)
	}
	if a := w.do(w.request(http.MethodHead, "files.example.com", "/style.css")); a.StatusCode != 200 || a.ContentLength != 4 || a.body != "" {
		t.Errorf("HEAD: %d, length %d, %q", a.StatusCode, a.ContentLength, a.body)
	}
}
