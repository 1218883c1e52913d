package serve

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func TestABodyOverTheLimitIsA413(t *testing.T) {
	w := start(t, func(s *setup) { s.options.Limits.MaxBodyBytes = 1000 })
	for _, c := range []struct {
		name   string
		body   io.Reader
		status int
	}{
		{"at the limit", bytes.NewReader(make([]byte, 1000)), 200},
		{"over the limit", bytes.NewReader(make([]byte, 1001)), 413},
		{"at the limit, of unknown length", io.MultiReader(bytes.NewReader(make([]byte, 1000))), 200},
		{"over the limit, of unknown length", io.MultiReader(bytes.NewReader(make([]byte, 100_000))), 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.request(http.MethodPost, "acme.example.com", "/")
			r.Body = io.NopCloser(c.body)
			if b, ok := c.body.(*bytes.Reader); ok {
				r.ContentLength = int64(b.Len())
			}
			if a := w.do(r); a.StatusCode != c.status {
				t.Errorf("%d %q, expected %d", a.StatusCode, a.body, c.status)
			}
		})
	}
}

func TestAHeadOverTheLimitIsA431(t *testing.T) {
	w := start(t, func(s *setup) { s.options.Limits.MaxHeaderBytes = 2000 })
	if a := w.get("acme.example.com", "/", "X-Big", strings.Repeat("x", 10_000)); a.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, expected 431", a.StatusCode)
	}
}

func TestAHeadThatNeverEndsIsTimedOut(t *testing.T) {
	w := start(t, func(s *setup) { s.options.Limits.ReadHeaderTimeout = 20 * time.Millisecond })
	c, err := net.Dial("tcp", w.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: acme.example.com\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(string(got), " 200 ") {
		t.Errorf("read %q, %v, expected the end of the connection", got, err)
	}
}
