package serve

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"
)

// djangoHeader encodes the text of a header as Django does: in Latin-1, or as an
// encoded word.
func djangoHeader(text string) string {
	var latin1 []byte
	for _, r := range text {
		if r > 0xff {
			return "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(text)) + "?="
		}
		latin1 = append(latin1, byte(r))
	}
	return string(latin1)
}

// Each name is sent in all encodings that applications use.
func TestEveryNameCanBeSent_C10(t *testing.T) {
	ordered := make(chan [2]string, 1)
	w := startAccel(t, func(s *setup) {
		s.app = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			order := <-ordered
			w.Header()[order[0]] = []string{order[1]}
		})
	})
	names := []string{
		"plain.txt", "a b.txt", "100%.txt", "100%25.txt", "a%20b.txt", "a%2Fb.txt", "%41.txt", "%zz", "a+b.txt", "a&b=c.txt", "a#b.txt", "a?b.txt", "a;b.txt", `a"b'.txt`,
		"é.txt", "ÿ ü.txt", "a%é.txt", "日本語.txt", "日本 %.txt", "日%20本.txt", "emoji 😀.txt", "é.txt", "=?utf-8?q?a?=", "=?utf-8?b?YQ==?=.txt", "d/é/日本.txt", "~!@$^*()_-={}[]|:<>,.txt",
	}
	for _, name := range names {
		write(t, w.location, "acme/"+name, "content of "+name)
	}
	escaped := func(s string) string { return (&url.URL{Path: s}).EscapedPath() }
	for _, name := range names {
		full := filepath.Join(w.location, "acme", name)
		for how, order := range map[string][2]string{
			"as is, by Django":          {"X-Sendfile", djangoHeader(full)},
			"as is, in UTF-8":           {"X-Sendfile", full},
			"encoded, for Apache":       {"X-Sendfile", escaped(full)},
			"relative, by Django":       {"X-Sendfile", djangoHeader(name)},
			"relative, encoded":         {"X-Sendfile", escaped(name)},
			"encoded, for nginx":        {"X-Accel-Redirect", escaped("/protected/" + name)},
			"fully encoded, for nginx":  {"X-Accel-Redirect", "/protected/" + url.PathEscape(name)},
			"partly encoded, by Django": {"X-Accel-Redirect", djangoHeader("/protected/" + url.PathEscape(name))},
		} {
			want := "content of " + name
			if order[0] == "X-Sendfile" && order[1] == escaped(full) || order[1] == escaped(name) {
				// A file whose name is the encoded name is sent instead.
				if decoy := w.disk("acme/" + escaped(name)); decoy != "" {
					want = decoy
				}
			}
			ordered <- order
			if a := w.get("acme.example.com", "/"); a.StatusCode != 200 || a.body != want {
				t.Errorf("%q %s (%s: %q): %d %q", name, how, order[0], order[1], a.StatusCode, a.body)
			}
		}
	}
	// No encoding leads out of the tenant's files.
	for _, name := range []string{"../other/a.txt", "..%2fother%2fa.txt", "%2e%2e/other/a.txt", "é/../../other/a.txt", "日/../../other/a.txt", "%252e%252e/other/a.txt"} {
		for _, value := range []string{djangoHeader(name), name, escaped(name), "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(name)) + "?=", "=?utf-8?q?" + name + "?="} {
			for _, header := range []string{"X-Sendfile", "X-Accel-Redirect"} {
				if header == "X-Accel-Redirect" {
					value = "/protected/" + value
				}
				ordered <- [2]string{header, value}
				if a := w.get("acme.example.com", "/"); a.StatusCode != 404 || leak.MatchString(a.body) {
					t.Errorf("%s: %q: %d %q", header, value, a.StatusCode, a.body)
				}
			}
		}
	}
}
