package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// A client that opens no window for an answer holds its stream no longer than
// one that does not read, however small the answer is.
func TestAStreamWithoutAWindowIsCutOff_A9(t *testing.T) {
	w := pacedMedia(t, 50*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/large" {
			_, _ = w.Write([]byte(strings.Repeat("x", 1<<20)))
			return
		}
		_, _ = w.Write([]byte("small"))
	})
	for name, c := range map[string]struct{ host, path, status string }{
		"a small answer of an upstream": {"acme.example.com", "/", "200"},
		"a large answer of an upstream": {"acme.example.com", "/large", "200"},
		"an unknown host":               {"unknown.example.com", "/", "404"},
		"no file":                       {"www-site.example.com", "/media/www/none", "404"},
	} {
		t.Run(name, func(t *testing.T) {
			client := w.http2(t)
			client.must(client.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
			client.must(client.conn.SetDeadline(time.Now().Add(patience)))
			a := client.do(":method: GET", ":scheme: http", ":authority: "+c.host, ":path: "+c.path)
			if !oneOf(a.status, c.status+" closed reset") || !a.reset || a.body != "" {
				t.Errorf("status %s, body %q, reset %v, expected %s and a reset", a.status, a.body, a.reset, c.status)
			}
			w.eventually("no request is left", func() bool { return w.server.requests.Load() == 0 })
		})
	}
}
