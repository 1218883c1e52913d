package serve

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestProfilesAreForOperatorsOnly(t *testing.T) {
	// A profile takes longer than the server's timeouts for writing.
	w := start(t, func(s *setup) { s.options.AdminTokens, s.options.Limits.AnswerTimeout = tokens(), 50*time.Millisecond })
	without := start(t)
	for _, c := range []struct {
		name, target, token string
		w                   *world
		status              int
	}{
		{"the list", "/debug/pprof/", "operate-0123456789", w, http.StatusOK},
		{"a profile that takes long", "/debug/pprof/profile?seconds=0.3", "operate-0123456789", w, http.StatusOK},
		{"a trace", "/debug/pprof/trace?seconds=0.1", "operate-0123456789", w, http.StatusOK},
		{"the heap", "/debug/pprof/heap", "operate-0123456789", w, http.StatusOK},
		{"goroutines as text", "/debug/pprof/goroutine?debug=1", "operate-0123456789", w, http.StatusOK},
		{"none of that name", "/debug/pprof/bogus", "operate-0123456789", w, http.StatusNotFound},
		{"a profile that takes forever", "/debug/pprof/profile?seconds=1e9", "operate-0123456789", w, http.StatusBadRequest},
		{"a reader", "/debug/pprof/heap", "read-0123456789abcdef", w, http.StatusForbidden},
		{"without a token", "/debug/pprof/heap", "", w, http.StatusUnauthorized},
		{"without a token, the list", "/debug/pprof/", "", w, http.StatusUnauthorized},
		{"a listener without tokens", "/debug/pprof/heap", "operate-0123456789", without, http.StatusNotFound},
		{"a listener without tokens, the list", "/debug/pprof/", "", without, http.StatusNotFound},
	} {
		r := c.w.request(http.MethodGet, "localhost", c.target)
		r.URL.Host = c.w.server.AdminAddr().String()
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		a := c.w.do(r)
		if a.StatusCode != c.status {
			t.Errorf("%s: %d %q, want %d", c.name, a.StatusCode, a.body, c.status)
			continue
		}
		switch {
		case strings.Contains(c.target, "profile?seconds=0.3"), c.target == "/debug/pprof/heap" && c.status == http.StatusOK:
			if _, err := gzip.NewReader(bytes.NewReader([]byte(a.body))); err != nil {
				t.Errorf("%s: %d bytes that are no profile: %v", c.name, len(a.body), err)
			}
		case strings.Contains(c.target, "trace"):
			if !strings.HasPrefix(a.body, "go 1.") {
				t.Errorf("%s: %.20q is no trace", c.name, a.body)
			}
		}
	}
	if _, pattern := http.DefaultServeMux.Handler(&http.Request{Method: "GET", URL: w.request("GET", "", "/debug/pprof/").URL}); pattern != "" {
		t.Errorf("http.DefaultServeMux serves profiles at %q", pattern)
	}
}
