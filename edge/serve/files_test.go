package serve

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyFilesOfTheFolderAreServed(t *testing.T) {
	w := start(t)
	secret := t.TempDir()
	write(t, secret, "secret.txt", "secret")
	write(t, w.folder, "index.html", "home")
	write(t, w.folder, "a b/ü.txt", "text")
	write(t, w.folder, "empty-of-index/x.txt", "x")
	write(t, w.folder, ".env", "secret")
	write(t, w.folder, ".git/config", "secret")
	write(t, w.folder, ".well-known/security.txt", "contact")
	if err := os.Symlink(filepath.Join(secret, "secret.txt"), filepath.Join(w.folder, "link.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(w.folder, "linked")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		target string
		status int
		body   string
	}{
		{"/", 200, "home"},
		{"/a%20b/%C3%BC.txt", 200, "text"},
		{"/.well-known/security.txt", 200, "contact"},
		{"/empty-of-index/x.txt", 200, "x"},
		{"/empty-of-index/", 404, ""},
		{"/empty-of-index", 404, ""},
		{"/missing", 404, ""},
		{"/.env", 404, ""},
		{"/.git/config", 404, ""},
		{"/link.txt", 404, ""},
		{"/linked/secret.txt", 404, ""},
		{"/../secret.txt", 404, ""},
		{"/%2e%2e/%2e%2e/etc/passwd", 404, ""},
		{"/..%2f..%2fetc%2fpasswd", 404, ""},
		{"/x.txt%00", 400, ""},
	} {
		a := w.get("files.example.com", c.target)
		if a.StatusCode != c.status || c.status == 200 && a.body != c.body {
			t.Errorf("%s: %d %q, expected %d %q", c.target, a.StatusCode, a.body, c.status, c.body)
		}
		if a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: no X-Content-Type-Options, so browsers guess the type", c.target)
		}
	}
	post := w.do(w.request(http.MethodPost, "files.example.com", "/"))
	if post.StatusCode != http.StatusMethodNotAllowed || post.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", post.StatusCode, post.Header.Get("Allow"))
	}
}

func TestAFixedReplyAnswersEveryRequest(t *testing.T) {
	w := start(t)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		a := w.do(w.request(method, "gone.example.com", "/any"))
		want := "closed\n"
		if method == http.MethodHead {
			want = ""
		}
		if a.StatusCode != http.StatusGone || a.body != want || a.Header.Get("X-Why") != "closed" || a.ContentLength != 7 {
			t.Errorf("%s: %d %q, %v", method, a.StatusCode, a.body, a.Header)
		}
	}
}
