package serve

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge"
)

// The edge's own errors have the operator's page; those of an application have the
// application's.
func TestTheOperatorsErrorPagesReplaceThoseOfTheEdgeOnly(t *testing.T) {
	folder := t.TempDir()
	files := map[string]string{"404": filepath.Join(folder, "404.html"), "5xx": filepath.Join(folder, "5xx.html")}
	for key, path := range files {
		if err := os.WriteFile(path, []byte("<h1>our "+key+"</h1>{{status}} {{text}} id={{request}}."), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := start(t, func(s *setup) {
		s.options.ErrorPages = files
		s.options.AccessLog = true
		s.app = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "the application's", http.StatusNotFound) })
	})
	const html = "text/html,*/*;q=0.8"
	for _, c := range []struct {
		name, host, path, accept, want string
		status                         int
	}{
		{"a host without a tenant", "unknown.example.com", "/", html, "<h1>our 404</h1>404 Not Found id=", 404},
		{"a file that is missing", "files.example.com", "/no.txt", html, "<h1>our 404</h1>404 Not Found id=", 404},
		{"a client of an API", "files.example.com", "/no.txt", "application/json", "404 Not Found\n", 404},
		{"a status without a page", "no host", "/", html, "400 Bad Request", 400},
		{"the application's page", "acme.example.com", "/", html, "the application's\n", 404},
		{"a failure", "lost.example.com", "/", html, "<h1>our 5xx</h1>502 Bad Gateway id=", 502},
	} {
		a := w.get(c.host, c.path, "Accept", c.accept)
		if a.StatusCode != c.status || !strings.HasPrefix(a.body, c.want) {
			t.Errorf("%s: %d %q, expected %d %q", c.name, a.StatusCode, a.body, c.status, c.want)
		}
		if id := a.Header.Get("X-Request-Id"); strings.Contains(c.want, "id=") && (id == "" || !strings.HasSuffix(a.body, "id="+id+".")) {
			t.Errorf("%s: %q, expected the request id %q of the header", c.name, a.body, id)
		}
		if c.status == 502 {
			_, id, _ := strings.Cut(strings.TrimSuffix(a.body, "."), "id=")
			if id == "" || !strings.Contains(w.logs.String(), `"request":"`+id+`"`) {
				t.Errorf("%s: the log does not have the request %q", c.name, id)
			}
		}
	}
}

func TestAReloadReadsTheErrorPagesAgain(t *testing.T) {
	page := filepath.Join(t.TempDir(), "404.html")
	put(t, page, []byte("first {{status}}"))
	text := twoSites + "error_pages: {404: '" + page + "'}\n"
	r := serveText(t, text)
	if a := r.get("unknown.example.com", "/", "Accept", "text/html"); a.body != "first 404" {
		t.Errorf("before: %q", a.body)
	}
	put(t, page, []byte("second {{status}}"))
	r.reload(text)
	if a := r.get("unknown.example.com", "/", "Accept", "text/html"); a.body != "second 404" {
		t.Errorf("after the page changed: %q", a.body)
	}
	put(t, page, []byte("third {{unknown}}"))
	if err := r.server.Reload(t.Context(), r.parse(text)); err == nil || !strings.Contains(err.Error(), "error_pages.404: ") || !strings.Contains(err.Error(), "found {{unknown}}") {
		t.Errorf("a wrong page: %v", err)
	}
	if a := r.get("unknown.example.com", "/", "Accept", "text/html"); a.body != "second 404" {
		t.Errorf("after a wrong page: %q", a.body)
	}
}

func TestAMissingErrorPageStopsTheStart(t *testing.T) {
	_, err := newServer(t.Context(), edge.Config{CompileCache: compiled}, settings{ErrorPages: map[string]string{"404": "no-such.html"}})
	if err == nil || !strings.Contains(err.Error(), "error_pages: 404: expected a page of HTML") {
		t.Errorf("got %v", err)
	}
}
