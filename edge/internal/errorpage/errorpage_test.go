package errorpage_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/requestid"
)

func pages(t *testing.T, texts map[string]string) *errorpage.Pages {
	t.Helper()
	files := map[string]string{}
	for key, text := range texts {
		files[key] = filepath.Join(t.TempDir(), key+".html")
		if err := os.WriteFile(files[key], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := errorpage.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

func TestBrowsersGetTheOperatorsPageAndOthersPlainText(t *testing.T) {
	p := pages(t, map[string]string{
		"404": `<p title="{{ text }}">{{status}} {{text}} {{request}}`,
		"5xx": `<h1>{{status}}</h1>{{text}}<i>{{request}}</i>`,
	})
	for _, c := range []struct {
		accept string
		status int
		id     string
		html   bool
		want   string
	}{
		{browser, 404, "id", true, `<p title="Not Found">404 Not Found id`},
		{"text/html", 404, "id", true, `<p title="Not Found">404 Not Found id`},
		{browser, 503, "<b>&\"'", true, `<h1>503</h1>Service Unavailable<i>&lt;b&gt;&amp;&#34;&#39;</i>`},
		{browser, 403, "id", false, "403 Forbidden\nrequest id\n"},
		{"", 404, "id", false, "404 Not Found\nrequest id\n"},
		{"*/*", 404, "id", false, "404 Not Found\nrequest id\n"},
		{"application/json", 404, "id", false, "404 Not Found\nrequest id\n"},
		{"application/json, text/plain, */*", 404, "id", false, "404 Not Found\nrequest id\n"},
		{"text/plain, text/html;q=0.5", 404, "id", false, "404 Not Found\nrequest id\n"},
		{"application/json", 502, "id", false, "502 Bad Gateway\nrequest id\n"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r := errorpage.With(httptest.NewRequest(method, "/", nil), p)
			r = r.WithContext(requestid.With(r.Context(), c.id))
			if c.accept != "" {
				r.Header.Set("Accept", c.accept)
			}
			w := httptest.NewRecorder()
			errorpage.Write(w, r, c.status)
			want, kind := c.want, "text/plain; charset=utf-8"
			if c.html {
				kind = "text/html; charset=utf-8"
			}
			if method == http.MethodHead {
				want = ""
			}
			h := w.Header()
			if w.Code != c.status || w.Body.String() != want || h.Get("Content-Type") != kind || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %d for %q: %d %q %v, expected %q", method, c.status, c.accept, w.Code, w.Body, h, want)
			}
			if varies := h.Get("Vary") == "Accept"; varies != (c.status != 403) {
				t.Errorf("%s %d for %q: Vary %q", method, c.status, c.accept, h.Get("Vary"))
			}
		}
	}
}

func TestWrongPagesAreRefusedWithTheLineAndWhatToDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.html")
	for text, want := range map[string]string{
		"<p>\n{{host}}":                          "line 2: expected {{status}}, {{text}} or {{request}}, found {{host}}",
		"<p>\n\n{{status":                        "line 3: expected }} after {{",
		" \n":                                    "found the empty file",
		"\xff":                                   "in UTF-8",
		strings.Repeat("x", errorpage.MaxSize+1): "at most 256 KiB",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := errorpage.Read(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.20q: %v, expected %q", text, err, want)
		}
	}
	if _, err := errorpage.Load(map[string]string{"404": path + "x"}); err == nil || !strings.HasPrefix(err.Error(), "404: expected a page of HTML: ") {
		t.Errorf("a missing file: %v", err)
	}
}

// Any page is refused, or written with the values in it.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{"", "a", "{{status}}", "{{ request }}b{{text}}", "{{", "}}{{status}}{{}}", "{{{status}}}"} {
		f.Add(seed)
	}
	path := filepath.Join(f.TempDir(), "page.html")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := errorpage.Load(map[string]string{"4xx": path})
		if err != nil {
			return
		}
		r := errorpage.With(httptest.NewRequest(http.MethodGet, "/", nil), p)
		r = r.WithContext(requestid.With(r.Context(), "<id>"))
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		errorpage.Write(w, r, http.StatusNotFound)
		body := w.Body.String()
		if strings.Contains(body, "<id>") && !strings.Contains(text, "<id>") {
			t.Errorf("%q: the id is not escaped: %q", text, body)
		}
		if strings.Count(body, "404") < strings.Count(text, "{{status}}") {
			t.Errorf("%q: the status is missing: %q", text, body)
		}
	})
}
