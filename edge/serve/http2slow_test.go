package serve

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// A client that opens no flow-control window for an answer of any size is cut off
// as soon as one that does not read.
func TestAStreamWithoutAWindowIsReset_A9(t *testing.T) {
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
			w.eventually("no request is left", func() bool { return w.server.generations.requests() == 0 })
		})
	}
}

// A connection whose first request stays incomplete is closed like an idle one.
func TestAnIncompleteHTTP2RequestTimesOut_A9(t *testing.T) {
	w := start(t, h2c, func(s *setup) {
		s.options.Limits.ReadHeaderTimeout, s.options.Limits.IdleTimeout = 100*time.Millisecond, 100*time.Millisecond
	})
	ends := func(name string, client *http2Client) {
		client.must(client.conn.SetReadDeadline(time.Now().Add(patience)))
		for {
			if _, err := client.ReadFrame(); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("%s: the connection stays open", name)
			} else if err != nil {
				return
			}
		}
	}
	bare, half, empty, served, reset := w.http2(t), w.http2(t), w.http2(t), w.http2(t), w.http2(t)
	half.must(half.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}}))
	empty.must(empty.WriteRawFrame(http2.FrameHeaders, http2.FlagHeadersEndHeaders, 1, nil))
	for range 3 {
		reset.must(reset.WriteRSTStream(reset.open(true, getHead("/")...), http2.ErrCodeCancel))
	}
	if a := served.do(getHead("/")...); a.status != "200" {
		t.Errorf("status %s, expected 200", a.status)
	}
	ends("nothing after the settings", bare)
	ends("half a head", half)
	ends("an empty head", empty)
	ends("after an answer", served)
	ends("after streams that the client resets", reset)
}
