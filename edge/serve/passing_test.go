package serve

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
)

// constant is an application that answers every request with the same bytes.
func constant(t *testing.T, bytes string) func(*setup) {
	return withUpstream(rawUpstream(t, func(*http.Request) (string, string, time.Duration) { return bytes, "", 0 }))
}

// dial opens a connection to the server, with a deadline of patience.
func (w *world) dial() net.Conn {
	w.Helper()
	c, err := net.Dial("tcp", w.addr())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		w.Fatal(err)
	}
	return c
}

// bytes sends text on a new connection and returns everything that arrives until
// the server closes it. The text must ask the server to do so.
func (w *world) bytes(text string) string {
	w.Helper()
	c := w.dial()
	if _, err := io.WriteString(c, text); err != nil {
		w.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil {
		w.Fatalf("%q: %v", got, err)
	}
	return string(got)
}

const simple = "GET / HTTP/1.1\r\nHost: acme.example.com\r\nConnection: close\r\n\r\n"

func TestInterimHeadsAndTrailersAreSanitized_A6(t *testing.T) {
	w := start(t, constant(t, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nX-Accel-Redirect: /secret\r\nX-Sendfile: /secret\r\n"+
		"X-Accel-Buffering: secret\r\nX_Sendfile: secret\r\nConnection: X-Hop\r\nX-Hop: secret\r\nKeep-Alive: secret\r\nTransfer-Encoding: chunked\r\n\r\n"+
		"HTTP/1.1 200 OK\r\nTrailer: X-Sum, X-Sendfile\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"+
		"X-Sum: 1\r\nX-Sendfile: secret\r\nX-Accel-Redirect: secret\r\nKeep-Alive: secret\r\nSet-Cookie: secret\r\nX-Late: 2\r\n\r\n"))
	got := w.bytes(strings.Replace(simple, "\r\n\r\n", "\r\nTE: trailers\r\n\r\n", 1))
	for _, expected := range []string{"103 Early Hints", "Link: </a.css>", "X-Sum: 1", "X-Late: 2"} {
		if !strings.Contains(got, expected) {
			t.Errorf("expected %q in %q", expected, got)
		}
	}
	if strings.Contains(got, "secret") || strings.Contains(got, "Sendfile") {
		t.Errorf("the client got headers that are for servers: %q", got)
	}
	if got := w.bytes("GET / HTTP/1.0\r\nHost: acme.example.com\r\n\r\n"); strings.Contains(got, "103") {
		t.Errorf("an HTTP/1.0 client got an interim head: %q", got)
	}
}

func TestHeadersForServersReachNoClient_A6(t *testing.T) {
	w := start(t, constant(t, "HTTP/1.1 200 OK\r\nX-Accel-Redirect: secret\r\nX_Accel_Redirect: secret\r\nx_sendfile: secret\r\nX-Sendfile2: secret\r\n"+
		"X-LIGHTTPD-send-file: secret\r\nX-Reproxy-URL: secret\r\nX-Own: kept\r\nContent-Length: 0\r\n\r\n"))
	if got := w.bytes(simple); strings.Contains(got, "secret") || !strings.Contains(got, "X-Own: kept") {
		t.Errorf("the client got %q", got)
	}
}

// net/http drops the names in Connection if one of them is "close".
func TestHopByHopFieldsEndAtTheEdge_A6(t *testing.T) {
	for name, connection := range map[string]string{
		"after close": "Connection: close, X-Hop", "before close": "connection: x-hop , CLOSE", "in two lines": "Connection: close\r\nConnection: X-Hop", "kept alive": "Connection: X-Hop, keep-alive",
	} {
		for what, rest := range map[string]string{
			"a body": "Content-Length: 2\r\n\r\nok", "chunks": "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "an interim head before": "",
		} {
			text := "HTTP/1.1 200 OK\r\n" + connection + "\r\nX-Hop: secret\r\nKeep-Alive: secret\r\nX-Own: kept\r\n" + rest
			if rest == "" {
				text = "HTTP/1.1 103 Early Hints\r\n" + connection + "\r\nX-Hop: secret\r\nX-Own: kept\r\n\r\n" + response200("")
			}
			if got := start(t, constant(t, text)).bytes(simple); strings.Contains(got, "secret") || !strings.Contains(got, "X-Own: kept") || !strings.Contains(got, " 200 ") {
				t.Errorf("%s, %s: the client got %q", name, what, got)
			}
		}
	}
}

// Some servers treat trailers as headers, which the edge did not see when it
// chose the tenant.
func TestTrailersOfRequestsDoNotReachTheApplication_A6(t *testing.T) {
	w := start(t, withUpstream(rawUpstream(t, func(r *http.Request) (string, string, time.Duration) {
		return response200(fmt.Sprint(r.Trailer, r.Header["Trailer"])), "", 0
	})))
	got := w.bytes("POST / HTTP/1.1\r\nHost: acme.example.com\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: Cookie, X-Sum\r\n\r\n" +
		"2\r\nhi\r\n0\r\nCookie: sessionid=a\r\nX-Sum: 1\r\n\r\n")
	if !strings.HasSuffix(got, "map[] []") {
		t.Errorf("the application got trailers: %q", got)
	}
}

// The edge sends the body without waiting for 100, so it answers the expectation
// itself.
func TestAnExpectationIsAnsweredOnce(t *testing.T) {
	w := start(t, constant(t, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"+response200("fine")))
	got := w.bytes("POST / HTTP/1.1\r\nHost: acme.example.com\r\nConnection: close\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi")
	if n := strings.Count(got, "100 Continue"); n != 1 || !strings.HasSuffix(got, "fine") {
		t.Errorf("%d interim heads with 100 in %q, expected one", n, got)
	}
	if got := w.bytes(simple); strings.Contains(got, "100 Continue") {
		t.Errorf("the client got a 100 that it did not expect: %q", got)
	}
}

func TestNoContentTypeIsInvented_A7(t *testing.T) {
	for name, text := range map[string]string{
		"plain":              "HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 14\r\n\r\n<script></html",
		"after interim head": "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n<script></html",
		"of an error":        "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\ne\r\n<script></html\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, constant(t, text))
			if got := w.bytes(simple); strings.Contains(got, "Content-Type:") || !strings.Contains(got, "<script>") {
				t.Errorf("%q", got)
			}
		})
	}
	w := start(t, constant(t, "HTTP/1.1 200 OK\r\nContent-Type: text/x-own\r\nContent-Length: 1\r\n\r\na"))
	if a := w.get("acme.example.com", "/"); a.Header.Get("Content-Type") != "text/x-own" {
		t.Errorf("Content-Type %q, expected the application's", a.Header["Content-Type"])
	}
}

func TestMistakesOfClientsAreNoUpstreamErrors_A10(t *testing.T) {
	w := start(t, func(s *setup) { s.options.Limits.MaxBodyBytes = 1000 })
	head := "POST / HTTP/1.1\r\nHost: acme.example.com\r\n"
	for _, c := range []struct {
		name, text string
		status     string
		counted    func() uint64
	}{
		{"a broken chunk", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", " 400 ", w.server.clientFailures.malformed.Load},
		{"a body over the limit", head + "Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + strings.Repeat("x", 2000) + "\r\n0\r\n\r\n", " 413 ", w.server.clientFailures.tooLarge.Load},
		{"half a body", head + "Content-Length: 100\r\n\r\nhalf", "", w.server.clientFailures.closed.Load},
		{"half a chunk", head + "Transfer-Encoding: chunked\r\n\r\n64\r\nhalf", "", w.server.clientFailures.closed.Load},
	} {
		before := c.counted()
		conn := w.dial()
		if _, err := io.WriteString(conn, c.text); err != nil {
			t.Fatal(err)
		}
		if c.status == "" {
			conn.Close()
		} else if got, _ := io.ReadAll(conn); !strings.Contains(string(got), c.status) {
			t.Errorf("%s: %q, expected%s", c.name, got, c.status)
		}
		w.eventually(c.name+" is counted", func() bool { return c.counted() == before+1 })
	}
	if strings.Contains(w.logs.String(), `"level":"ERROR"`) {
		t.Errorf("a client's fault is logged as an error: %s", w.logs)
	}
}

func TestAChunkedRequestClosesTheConnection_A11(t *testing.T) {
	w := start(t, func(s *setup) { s.options.URLConfs["files"] = config.URLConf{Files: s.options.URLConfs["files"].Files} })
	for _, host := range []string{"acme.example.com", "files.example.com", "gone.example.com", "lost.example.com", "unknown.example.com", "old.example.com"} {
		c := w.dial()
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", host)
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		rest, err := in.ReadByte()
		if !resp.Close || err != io.EOF {
			t.Errorf("%s: %d, Connection %q, then %q, %v, expected the connection to close", host, resp.StatusCode, resp.Header["Connection"], rest, err)
		}
	}
}

func TestHeadsOfUpstreamsAreLimited_G9(t *testing.T) {
	many := strings.Repeat("a: b\r\n", 501)
	for _, c := range []struct {
		name, answer string
		status       int
	}{
		{"large enough", "HTTP/1.1 200 OK\r\nX-Big: " + strings.Repeat("x", 60_000) + "\r\nContent-Length: 0\r\n\r\n", 200},
		{"a large field", "HTTP/1.1 200 OK\r\nX-Big: " + strings.Repeat("x", 70_000) + "\r\nContent-Length: 0\r\n\r\n", 502},
		{"many fields", "HTTP/1.1 200 OK\r\n" + many + "Content-Length: 0\r\n\r\n", 502},
		{"interim heads without end", strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 3000) + response200(""), 502},
		{"an interim head with many fields", "HTTP/1.1 103 Early Hints\r\n" + many + "\r\n" + response200(""), 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := start(t, constant(t, c.answer))
			resp := w.bytes(simple)
			in := bufio.NewReader(strings.NewReader(resp))
			for {
				got, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got.StatusCode >= 200 {
					if got.StatusCode != c.status {
						t.Errorf("status %d, expected %d", got.StatusCode, c.status)
					}
					return
				}
			}
		})
	}
}

func TestAnEndlessHeadTakesNoMemory_G9(t *testing.T) {
	w := start(t, constant(t, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X-Big: "+strings.Repeat("x", 1000)+"\r\n", 64<<10)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const requests = 20
	for range requests {
		if a := w.get("acme.example.com", "/"); a.StatusCode != http.StatusBadGateway {
			t.Fatalf("status %d, expected 502", a.StatusCode)
		}
	}
	runtime.ReadMemStats(&after)
	each := (after.TotalAlloc - before.TotalAlloc) / requests
	t.Logf("%d KiB allocated per answer with a head of 64 MiB", each>>10)
	if each > 4<<20 {
		t.Errorf("%d bytes per answer, expected a few times the limit of 64 KiB", each)
	}
}
