package serve

import (
	"path/filepath"
	"testing"
)

// A backslash is an ordinary byte of a file name, never a slash. No URL may have
// one, but an application can order such a file by its name.
func TestABackslashIsNeverASlash_C5(t *testing.T) {
	w := startAccel(t)
	private, media := w.location, w.server.now().options.Media.Location
	for _, location := range []string{private, media} {
		write(t, location, "acme/a/c.txt", "slash")
		write(t, location, `acme/a\c.txt`, "backslash")
	}
	for _, c := range []struct {
		header, value string
		want          string // empty: 404
	}{
		{"X-Sendfile", filepath.Join(private, `acme/a\c.txt`), "backslash"},
		{"X-Sendfile", `a\c.txt`, "backslash"},
		{"X-Sendfile", filepath.Join(private, `acme/a/c.txt`), "slash"},
		{"X-Sendfile", filepath.Join(private, `acme\a\c.txt`), ""},
		{"X-Sendfile", `..\other\a.txt`, ""},
		{"X-Accel-Redirect", `/protected/a\c.txt`, ""},
		{"X-Accel-Redirect", `/protected/a%5Cc.txt`, ""},
		{"X-Accel-Redirect", `\protected\a\c.txt`, ""},
		{"X-Accel-Redirect", `/protected/a/c.txt`, "slash"},
	} {
		a := w.get("acme.example.com", "/", "X-Order-"+c.header, c.value)
		if c.want == "" && a.StatusCode != 404 || c.want != "" && (a.StatusCode != 200 || a.body != c.want) {
			t.Errorf("%s: %s: %d %q, expected %q", c.header, c.value, a.StatusCode, a.body, c.want)
		}
	}
	m := startMedia(t)
	write(t, m.location, `acme/d\b.txt`, "backslash")
	for target, status := range map[string]int{"/media/acme/d%5Cb.txt": 404, `/media/acme/d\b.txt`: 404, "/media/acme/d/b.txt": 200} {
		if a := m.get("acme.example.com", target); a.StatusCode != status {
			t.Errorf("%s: %d %q, expected %d", target, a.StatusCode, a.body, status)
		}
	}
}
