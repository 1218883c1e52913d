package serve

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
)

// forgedAnswer is an example of surplus bytes that an attacker chose.
const forgedAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/html\r\n\r\nforged"

// forgedQuery is forgedAnswer as the parameter b of an application. It has no line
// ends, which lighttpd refuses in a query.
var forgedQuery = url.QueryEscape(strings.ReplaceAll(forgedAnswer, "\r\n", "~"))

// rawUpstream answers each request with the bytes that answer returns. It sends
// later after the delay.
func rawUpstream(t *testing.T, answer func(r *http.Request) (now, later string, delay time.Duration)) *url.URL {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.Map
	t.Cleanup(func() {
		l.Close()
		open.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(c, nil)
			go serveRaw(c, answer)
		}
	}()
	return &url.URL{Scheme: "http", Host: l.Addr().String()}
}

func serveRaw(c net.Conn, answer func(r *http.Request) (now, later string, delay time.Duration)) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		now, later, delay := answer(r)
		// In pieces: a single write would copy all of now.
		if _, err := io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{strings.NewReader(now)}); err != nil {
			return
		}
		if later != "" {
			time.AfterFunc(delay, func() { _, _ = io.WriteString(c, later) })
		}
	}
}

func withUpstream(u *url.URL) func(*setup) {
	return func(s *setup) { s.options.URLConfs["app"] = config.URLConf{Upstream: u} }
}

func response200(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestSurplusBytesReachNoOtherRequest_A1(t *testing.T) {
	for _, c := range []struct{ name, method, answer string }{
		{"HEAD with a body", "HEAD", response200("x")},
		{"204 with a body", "GET", "HTTP/1.1 204 No Content\r\n\r\n"},
		{"204 with a length", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"},
		{"205 with a body", "GET", "HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello"},
		{"304 with a body", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
		{"after a length", "GET", response200("fine")},
		{"after a length of 0", "GET", response200("")},
		{"after the last chunk", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"},
		{"after interim heads", "GET", "HTTP/1.1 103 Early Hints\r\n\r\n" + response200("fine")},
	} {
		for _, delay := range []time.Duration{0, time.Millisecond, 30 * time.Millisecond} {
			t.Run(fmt.Sprint(c.name, " ", delay), func(t *testing.T) {
				t.Parallel()
				w := start(t, withUpstream(rawUpstream(t, func(r *http.Request) (string, string, time.Duration) {
					if r.URL.Path == "/attack" {
						if delay == 0 {
							return c.answer + forgedAnswer, "", 0
						}
						return c.answer, forgedAnswer, delay
					}
					return response200("page of " + r.Host), "", 0
				})))
				// One client connection for all tenants, like that of a proxy.
				transport := &http.Transport{MaxConnsPerHost: 1}
				defer transport.CloseIdleConnections()
				client := &http.Client{Transport: transport, Timeout: patience}
				for range 20 {
					if resp, err := client.Do(w.request(c.method, "acme.example.com", "/attack")); err != nil {
						t.Fatal(err)
					} else {
						_, _ = io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
					resp, err := client.Do(w.request("GET", "umbra.example.com", "/"))
					if err != nil {
						t.Fatal(err)
					}
					body, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if resp.StatusCode != 200 || string(body) != "page of umbra.example.com" || err != nil {
						t.Fatalf("%d %q, %v, expected the tenant's own page", resp.StatusCode, body, err)
					}
				}
				if strings.Contains(w.logs.String(), "forged") {
					t.Error("the log contains bytes of an answer")
				}
			})
		}
	}
}

func TestAnUpstreamThatSendsSurplusBytesGetsNewConnections_A1(t *testing.T) {
	w := start(t, withUpstream(rawUpstream(t, func(*http.Request) (string, string, time.Duration) {
		return response200("fine") + forgedAnswer, "", 0
	})))
	for range 3 {
		if a := w.get("acme.example.com", "/"); a.body != "fine" {
			t.Fatalf("%d %q", a.StatusCode, a.body)
		}
	}
	stats := w.server.now().proxies[0].Stats()
	if stats.Surplus != 3 || stats.Reused != 0 || stats.Reuses {
		t.Errorf("%+v, expected the surplus of each answer to be found and no connection to be reused", stats)
	}
	warned := 0
	for line := range strings.Lines(w.logs.String()) {
		if strings.Contains(line, "after the end of an answer") {
			warned++
		}
	}
	if warned != 1 {
		t.Errorf("%d warnings, expected one", warned)
	}
}
