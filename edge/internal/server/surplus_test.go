package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
)

// forgedAnswer is what surplus bytes look like when an attacker chooses them.
const forgedAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/html\r\n\r\nforged"

// rawUpstream answers each request on raw connections by what answer returns
// for it. later is sent after a delay.
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
		// In pieces, as a whole one would be copied.
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

func told200(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestSurplusBytesReachNoOtherRequest_A1(t *testing.T) {
	for _, c := range []struct{ name, method, answer string }{
		{"HEAD with a body", "HEAD", told200("x")},
		{"204 with a body", "GET", "HTTP/1.1 204 No Content\r\n\r\n"},
		{"204 with a length", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"},
		{"205 with a body", "GET", "HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello"},
		{"304 with a body", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
		{"after a length", "GET", told200("fine")},
		{"after a length of 0", "GET", told200("")},
		{"after the last chunk", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"},
		{"after interim heads", "GET", "HTTP/1.1 103 Early Hints\r\n\r\n" + told200("fine")},
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
					return told200("page of " + r.Host), "", 0
				})))
				// One client connection for all tenants, as of a proxy in front.
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
					t.Error("the log holds bytes of an answer")
				}
			})
		}
	}
}

func TestAnUpstreamThatSendsSurplusBytesIsTalkedToOnNewConnections_A1(t *testing.T) {
	w := start(t, withUpstream(rawUpstream(t, func(*http.Request) (string, string, time.Duration) {
		return told200("fine") + forgedAnswer, "", 0
	})))
	for range 3 {
		if a := w.get("acme.example.com", "/"); a.body != "fine" {
			t.Fatalf("%d %q", a.StatusCode, a.body)
		}
	}
	stats := w.server.transports[0].h1.Stats()
	if stats.Surplus != 3 || stats.Reused != 0 || stats.Reuses {
		t.Errorf("%+v, expected each answer to be caught and no connection to be used again", stats)
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

// application is a WSGI program that echoes what it is asked to, also where
// HTTP has no body.
const application = `
import os, urllib.parse
def app(environ, start):
    n = int(environ.get("CONTENT_LENGTH") or 0)
    if n:
        environ["wsgi.input"].read(n)
    q = urllib.parse.parse_qs(environ.get("QUERY_STRING", ""), encoding="latin-1")
    body = q.get("b", ["page of " + environ.get("HTTP_TENANT", "-") + " " + q.get("n", [""])[0]])[0].encode("latin-1")
    status = q.get("s", ["200 OK"])[0]
    headers = [("Content-Type", "text/plain")]
    if status.startswith("200"):
        headers.append(("Content-Length", str(len(body))))
    start(status, headers)
    return [body]
`

// surplusServers are the servers of Debian that the check runs against, and how
// one is started on a port with an application app:app in its folder.
var surplusServers = map[string]func(port string) []string{
	"gunicorn": func(port string) []string {
		return []string{"gunicorn", "--threads", "4", "--workers", "2", "-b", "127.0.0.1:" + port, "app:app"}
	},
	"waitress": func(port string) []string {
		return []string{"/usr/bin/python3", "-m", "waitress", "--listen=127.0.0.1:" + port, "app:app"}
	},
	"uwsgi": func(port string) []string {
		return []string{"uwsgi", "--plugin", "http,python3", "--http", "127.0.0.1:" + port, "--http-keepalive", "--wsgi-file", "app.py", "--callable", "app", "--processes", "2", "--disable-logging", "--master"}
	},
}

func startServer(t *testing.T, name string) *url.URL {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	command := surplusServers[name](port)
	if _, err := exec.LookPath(command[0]); err != nil {
		t.Skipf("no %s here", name)
	}
	if name == "waitress" && exec.Command(command[0], "-c", "import waitress").Run() != nil {
		t.Skip("no waitress here")
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "app.py"), []byte(application), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = folder
	var out lines
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:" + port}
	for limit := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", u.Host); err == nil {
			c.Close()
			return u
		}
		select {
		case <-ended:
			t.Fatalf("%s ended: %s", name, &out)
		default:
		}
		if time.Now().After(limit) {
			t.Fatalf("%s does not listen: %s", name, &out)
		}
	}
}

// TestSurplusOfRealServers_A1 runs for TENANTEDGE_SURPLUS (2s) with each server.
func TestSurplusOfRealServers_A1(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("TENANTEDGE_SURPLUS"))
	if err != nil {
		length = 2 * time.Second
	}
	for name := range surplusServers {
		t.Run(name, func(t *testing.T) { crossfire(t, startServer(t, name), length) })
	}
	t.Run("raw", func(t *testing.T) {
		var n atomic.Int64
		crossfire(t, rawUpstream(t, func(r *http.Request) (string, string, time.Duration) {
			q := r.URL.Query()
			body := q.Get("b")
			if body == "" {
				body = "page of " + r.Header.Get("Tenant") + " " + q.Get("n")
			}
			answer := told200(body)
			if s := q.Get("s"); s != "" {
				answer = "HTTP/1.1 " + s + "\r\n\r\n" + body
			} else if r.Method == http.MethodHead {
				return answer, "", 0
			}
			switch n.Add(1) % 4 {
			case 0:
				return answer + forgedAnswer, "", 0
			case 1:
				return answer, forgedAnswer, time.Duration(n.Load()%50) * time.Millisecond
			}
			return answer, "", 0
		}), length)
	})
}

// crossfire has eight clients of two tenants ask for pages of their own, while
// some provoke bodies where HTTP has none.
func crossfire(t *testing.T, u *url.URL, length time.Duration) {
	w := start(t, withUpstream(u))
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var requests, wrong, failed atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			transport := &http.Transport{MaxConnsPerHost: 1}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: patience}
			tenant := []string{"acme", "umbra"}[i%2]
			for n := 0; ctx.Err() == nil; n++ {
				own := fmt.Sprintf("%d-%d", i, n)
				method, query, expected := http.MethodGet, "n="+own, "page of "+tenant+" "+own
				status := http.StatusOK
				switch {
				case n%3 == 1:
					method, query, expected = http.MethodHead, "b="+url.QueryEscape(forgedAnswer), ""
				case n%6 == 2:
					query, expected, status = "s=204+No+Content&b="+url.QueryEscape(forgedAnswer), "", http.StatusNoContent
				case n%6 == 5:
					method = http.MethodPost
				}
				r := w.request(method, tenant+".example.com", "/?"+query)
				if method == http.MethodPost {
					r.Body, r.ContentLength = io.NopCloser(strings.NewReader("data")), 4
				}
				resp, err := client.Do(r)
				requests.Add(1)
				if err != nil {
					failed.Add(1)
					t.Errorf("%s: %v", own, err)
					continue
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode >= 500 || err != nil {
					failed.Add(1)
				} else if resp.StatusCode != status || string(body) != expected {
					wrong.Add(1)
					t.Errorf("%s %s: %d %q, expected %q", method, query, resp.StatusCode, body, expected)
				}
			}
		}()
	}
	all.Wait()
	if wrong.Load() > 0 || failed.Load() > 0 {
		t.Errorf("%d wrong answers, %d failed", wrong.Load(), failed.Load())
		if log := w.logs.String(); len(log) > 2000 {
			t.Log(log[len(log)-2000:])
		}
	}
	t.Logf("%d requests, %d wrong, %d failed, connections %+v", requests.Load(), wrong.Load(), failed.Load(), w.server.transports[0].h1.Stats())
}
