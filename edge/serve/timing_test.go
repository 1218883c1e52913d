package serve

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

func withTiming(mode string) func(*setup) {
	return func(s *setup) { s.options.ServerTiming = mode }
}

var (
	guestTiming    = regexp.MustCompile(`^guest;dur=\d+\.\d{3};desc="fuel=([1-9]\d*) calls=(\d+)"$`)
	upstreamTiming = regexp.MustCompile(`^guest;dur=\d+\.\d{3};desc="fuel=[1-9]\d* calls=\d+", upstream;dur=\d+\.\d{3}$`)
)

// timed checks the lines of Server-Timing: those of the application, and one of the edge.
func timed(t *testing.T, what string, header http.Header, want *regexp.Regexp, application ...string) {
	t.Helper()
	lines := header["Server-Timing"]
	if len(lines) != len(application)+1 || !slices.Equal(lines[:len(application)], application) || !want.MatchString(lines[len(application)]) {
		t.Errorf("%s: Server-Timing is %q, expected %q and %s", what, lines, application, want)
	}
}

func TestEveryKindOfAnswerHasServerTiming(t *testing.T) {
	own := []string{"db;dur=53", "cache;desc=\"hit\""}
	w := start(t, withTiming("all"), func(s *setup) {
		s.app = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header()["Server-Timing"] = own
			rw.WriteHeader(http.StatusEarlyHints)
			if r.URL.Path == "/empty" {
				return
			}
			_, _ = io.WriteString(rw, "body")
		})
	})
	if err := os.WriteFile(filepath.Join(w.folder, "a.txt"), []byte("file"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := w.get("files.example.com", "/a.txt")
	timed(t, "a file", file.Header, guestTiming)
	timed(t, "an unchanged file", w.get("files.example.com", "/a.txt", "If-None-Match", file.Header.Get("Etag")).Header, guestTiming)
	timed(t, "a part of a file", w.get("files.example.com", "/a.txt", "Range", "bytes=1-2").Header, guestTiming)
	timed(t, "a missing file", w.get("files.example.com", "/b.txt").Header, guestTiming)
	timed(t, "a reply", w.get("gone.example.com", "/").Header, guestTiming)
	timed(t, "a redirect", w.get("old.example.com", "/").Header, guestTiming)
	timed(t, "an unknown host", w.get("unknown.example.com", "/").Header, guestTiming)
	timed(t, "an unknown urlconf", w.get("lost.example.com", "/").Header, guestTiming)
	timed(t, "an application", w.get("acme.example.com", "/").Header, upstreamTiming, own...)
	timed(t, "an empty answer", w.get("acme.example.com", "/empty").Header, upstreamTiming, own...)
	if malformed := w.raw("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"); malformed.Header["Server-Timing"] != nil {
		t.Errorf("a request that the guest did not see: %q", malformed.Header["Server-Timing"])
	}
	w.app.Close()
	timed(t, "a broken application", w.get("acme.example.com", "/").Header, upstreamTiming)
}

func TestAnAnswerThatBeginsWithAFlushHasServerTiming(t *testing.T) {
	w := start(t, withTiming("all"), func(s *setup) {
		s.options.Within = func(http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/flush":
					if err := http.NewResponseController(rw).Flush(); err != nil {
						t.Error(err)
					}
				case "/write":
					_, _ = io.WriteString(rw, "body")
				}
			})
		}
	})
	for _, path := range []string{"/flush", "/write", "/nothing"} {
		timed(t, path, w.get("acme.example.com", path).Header, guestTiming)
	}
}

func TestHandshakesHaveServerTiming(t *testing.T) {
	routed := start(t, withTiming("all"), withWebsockets(t))
	for path, want := range map[string]*regexp.Regexp{"/echo/": guestTiming, "/relay/": upstreamTiming} {
		head := routed.raw("GET " + path + " HTTP/1.1\r\nHost: acme.example.com\r\nOrigin: https://acme.example.com\r\n" + goodHandshake + "\r\n")
		if head.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%s: %s", path, head.Status)
		}
		timed(t, path, head.Header, want)
	}
	var refused *sockets.StatusError
	if _, err := routed.websocket("/none/"); !errors.As(err, &refused) {
		t.Fatalf("a handshake without a route: %v", err)
	}
	timed(t, "a refused handshake", refused.Response.Header, guestTiming)
	refused.Response.Body.Close()

	passing := start(t, withTiming("all"), withApp(func(rw http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nServer-Timing: app;dur=1\r\n\r\n")
	}))
	head := passing.raw("GET / HTTP/1.1\r\nHost: acme.example.com\r\nOrigin: http://acme.example.com\r\n" + goodHandshake + "\r\n")
	timed(t, "a handshake that passes through", head.Header, upstreamTiming, "app;dur=1")
}

func TestOnlyTrustedPeersGetServerTimingUnlessAllDo(t *testing.T) {
	for _, c := range []struct {
		mode            string
		trusted, others bool
	}{{"none", false, false}, {"trusted", true, false}, {"all", true, true}} {
		others := start(t, withTiming(c.mode), func(s *setup) { s.options.LogCost = true })
		trusted := start(t, withTiming(c.mode), func(s *setup) { s.edge.TrustedPeers = loopbackPeers() })
		for w, want := range map[*world]bool{others: c.others, trusted: c.trusted} {
			if _, has := w.get("acme.example.com", "/").Header["Server-Timing"]; has != want {
				t.Errorf("%s: an answer has it: %v, expected %v", c.mode, has, want)
			}
		}
	}
}

func TestTheAccessLogHasTheCostThatTheClientSees(t *testing.T) {
	w := start(t, withTiming("all"), func(s *setup) { s.options.AccessLog, s.options.LogCost = true, true })
	hosts := []string{"acme.example.com", "unknown.example.com", "old.example.com"}
	var seen []string
	for _, host := range hosts {
		found := guestTiming.FindStringSubmatch(strings.Split(w.get(host, "/").Header.Get("Server-Timing"), ", ")[0])
		seen = append(seen, strings.Join(found[1:], " "))
	}
	w.eventually("the lines", func() bool { return len(w.logs.entries("access")) == len(hosts) })
	for i, e := range w.logs.entries("access") {
		if logged := fmt.Sprintf("%.0f %.0f", e["fuel"], e["host_calls"]); logged != seen[i] {
			t.Errorf("%s: logged %s, answered %s", hosts[i], logged, seen[i])
		}
		if ns, ok := e["guest_ns"].(float64); !ok || ns <= 0 {
			t.Errorf("%s: guest_ns is %v", hosts[i], e["guest_ns"])
		}
	}
	plain := start(t, func(s *setup) { s.options.AccessLog = true })
	plain.get("acme.example.com", "/")
	plain.eventually("the line", func() bool { return len(plain.logs.entries("access")) == 1 })
	if e := plain.logs.entries("access")[0]; e["fuel"] != nil || e["guest_ns"] != nil {
		t.Errorf("without logs.cost the line is %v", e)
	}
}
