package serve

import (
	"io"
	"net/http"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
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

// Relative links of a page at /folder would lead out of the tenant's folder.
func TestATenantsFolderEndsWithASlash_B6(t *testing.T) {
	site := start(t, func(s *setup) { s.edge.GuestConfig.Default.URLConf = "files" })
	write(t, site.folder, "index.html", "home")
	inner := start(t, func(s *setup) { s.options.URLConfs["app"] = config.URLConf{Path: "inner", Host: "client"} })
	original := start(t)
	for _, c := range []struct {
		name, method, host, target, more string
		w                                *world
		status                           int
		goes                             string
	}{
		{"files", "GET", "shared.example.com", "/acme", "", site, 301, "./acme/"},
		{"files, with a query", "GET", "shared.example.com", "/acme?a=/&b=%20/", "", site, 301, "./acme/?a=/&b=%20/"},
		{"files, with an empty path segment in the query", "GET", "shared.example.com", "/acme?/", "", site, 301, "./acme/?/"},
		{"files, encoded", "GET", "shared.example.com", "/%61cme", "", site, 301, "./acme/"},
		{"files, HEAD", "HEAD", "shared.example.com", "/acme", "", site, 301, "./acme/"},
		{"files, with the slash", "GET", "shared.example.com", "/acme/", "", site, 200, ""},
		{"files, without a folder", "GET", "acme.example.com", "/", "", site, 200, ""},
		{"an application that sees the inner path", "GET", "shared.example.com", "/acme?q=1", "", inner, 301, "./acme/?q=1"},
		{"it, with the slash", "GET", "shared.example.com", "/acme/?q=1", "", inner, 200, ""},
		{"it, a form", "POST", "shared.example.com", "/acme", "Content-Length: 0\r\n", inner, 200, ""},
		{"an application that sees the full path", "GET", "shared.example.com", "/acme", "", original, 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp := c.w.raw(c.method + " " + c.target + " HTTP/1.1\r\nHost: " + c.host + "\r\n" + c.more + "Connection: close\r\n\r\n")
			if resp.StatusCode != c.status || resp.Header.Get("Location") != c.goes {
				t.Errorf("answered %d to %q, expected %d to %q", resp.StatusCode, resp.Header.Get("Location"), c.status, c.goes)
			}
		})
	}
}
