package serve

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
)

// The same fields reach the application as in HTTP/1.1: no upgrade, no field of
// the connection, no guarded name (RFC 9113, 8.2.2 and 8.3).
func TestFieldsOfHTTP2AreCheckedAsThoseOfHTTP1_A2_A3(t *testing.T) {
	bothHTTP2(t, func(t *testing.T, listener func(*setup)) {
		u, heads := capturing(t, plainAnswer)
		w := start(t, withUpstreamConf(u, nil), listener)
		const passes, refused = "200", "400 reset"
		for _, c := range []struct {
			lines  []string
			status string
		}{
			{getHead("/", "te: trailers"), passes},
			{getHead("/", "http2-settings: AAMAAABk"), passes},
			{getHead("/", "sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="), passes},
			{getHead("/", "proxy-authorization: forged", "proxy: forged", "trailer: tenant"), passes},
			{getHead("/", "tenant: forged", "x_tenant_: a", "x-forwarded-host: forged", "x!forwarded!for: forged", "script_name: forged"), passes},
			{getHead("/", "content_length: 1", "transfer_encoding: chunked", "transfer.encoding: chunked"), passes},

			{getHead("/", "connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAMAAABk"), refused},
			{getHead("/", "connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="), refused},
			{getHead("/", "upgrade: websocket"), refused},
			{getHead("/", "connection: close"), refused},
			{getHead("/", "connection: tenant"), refused},
			{getHead("/", "keep-alive: 1"), refused},
			{getHead("/", "proxy-connection: keep-alive"), refused},
			{getHead("/", "transfer-encoding: chunked"), refused},
			{getHead("/", "te: gzip"), refused},
			{getHead("/", "te: trailers, gzip"), refused},
			{getHead("/", "te: trailers", "te: trailers"), refused},
			{getHead("/", "Tenant: umbra"), refused},
			{getHead("/", "a b: x"), refused},
			{getHead("/", "a: x\r\ntenant: umbra"), refused},
			{getHead("/", "a: x\ntenant: umbra"), refused},
			{getHead("/", "a: \x00"), refused},
			{getHead("/", ":path: /b"), refused},
			{getHead("/", ":status: 200"), refused},
			{getHead("/", ":tenant: umbra"), refused},
			{[]string{":method: GET", ":scheme: http", ":authority: acme.example.com", "a: b", ":path: /"}, refused},
			{[]string{":method: GET", ":authority: acme.example.com", ":path: /"}, refused},
			{[]string{":method: GET", ":scheme: ftp", ":authority: acme.example.com", ":path: /"}, refused},
			{[]string{":method: CONNECT", ":protocol: websocket", ":scheme: http", ":authority: acme.example.com", ":path: /", "sec-websocket-version: 13"}, refused},
			{[]string{":method: CONNECT", ":protocol: h2c", ":scheme: http", ":authority: acme.example.com", ":path: /"}, refused},
			{[]string{":method: CONNECT", ":authority: acme.example.com:80"}, refused},
			{[]string{":method: GET", ":protocol: websocket", ":scheme: http", ":authority: acme.example.com", ":path: /"}, refused},
		} {
			if a := w.http2(t).do(c.lines...); !oneOf(a.status, c.status) {
				t.Errorf("%q: status %s, expected %s", c.lines, a.status, c.status)
			} else if a.status == "200" {
				head := <-heads
				for _, name := range []string{"Upgrade", "Connection", "Http2-Settings", "Transfer-Encoding", "Transfer_encoding", "Transfer.encoding", "Content_length", "Trailer"} {
					if found := linesOf(head, name); found != nil {
						t.Errorf("%q: the application got %q", c.lines, found)
					}
				}
				if strings.Contains(head, "forged") {
					t.Errorf("%q: the application got %q", c.lines, head)
				}
			}
		}
		if len(heads) > 0 {
			t.Errorf("the application got %q of a request that was refused", <-heads)
		}
	})
}

// A trailer does not reach the application. With a pseudo header field or an
// uppercase name it is malformed.
func TestTrailersOfHTTP2DoNotReachTheApplication_A6(t *testing.T) {
	w := start(t, h2c)
	for _, c := range []struct{ trailer, status string }{
		{"tenant: umbra", "200"},
		{"x-forwarded-for: 1", "200"},
		{"content-length: 5", "200 reset"},
		{"host: umbra.example.com", "200 reset"},
		{":path: /b", "400 reset closed"},
		{":authority: umbra.example.com", "400 reset closed"},
		{"Tenant: umbra", "400 reset closed"},
	} {
		client := w.http2(t)
		stream := client.open(false, ":method: POST", ":scheme: http", ":authority: acme.example.com", ":path: /", "trailer: tenant, x-forwarded-for")
		client.must(client.WriteData(stream, false, []byte("ab")))
		client.head(stream, true, c.trailer)
		a := client.answer(stream)
		if !oneOf(a.status, c.status) {
			t.Errorf("%s: status %s, expected %s", c.trailer, a.status, c.status)
		}
		if strings.Contains(a.body, "umbra") || strings.Contains(a.body, "Trailer") {
			t.Errorf("%s: the application got %s", c.trailer, a.body)
		}
	}
}

// Bytes that an application sends after an answer, and headers in its trailer,
// affect no stream of the client's connection.
func TestResponsesInHTTP2BelongToTheirStreams_A1_A6(t *testing.T) {
	for _, c := range []struct {
		name, answer, status, body string
		trailer                    []string
	}{
		{"204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\nsurplus", "204", "", nil},
		{"205 with a body", "HTTP/1.1 205 Reset Content\r\nContent-Length: 7\r\n\r\nsurplus", "205", "", nil},
		{"304 with chunks", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nsurplus\r\n0\r\n\r\n", "304", "", nil},
		{"two answers", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsurplus", "200", "ok", nil},
		{"hop-by-hop fields", "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok", "200", "ok", nil},
		{"a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T, X-Accel-Redirect, Connection\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\nX-Accel-Redirect: /a\r\nX-Sendfile: /b\r\nConnection: X-Hop\r\nKeep-Alive: 1\r\n\r\n", "200", "ok", []string{"x-t"}},
		{"an interim head", "HTTP/1.1 103 Early Hints\r\nX-Accel-Redirect: /a\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200", "ok", nil},
		{"another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nsurplus", "502", "", nil},
		{"half a body", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", "200", "ok", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, _ := capturing(t, c.answer)
			w := start(t, withUpstreamConf(u, nil), h2c)
			client := w.http2(t)
			for _, method := range []string{"GET", "HEAD", "GET"} {
				a := client.do(":method: "+method, ":scheme: http", ":authority: acme.example.com", ":path: /")
				if a.status != c.status {
					t.Fatalf("%s: status %s, expected %s", method, a.status, c.status)
				}
				if body := a.body; c.status != "502" && (method == "HEAD" && body != "" || method == "GET" && body != c.body) {
					t.Errorf("%s: body %q, expected %q", method, body, c.body)
				}
				var trailer []string
				for _, f := range a.trailer {
					trailer = append(trailer, f.Name)
				}
				if method == "GET" && !slices.Equal(trailer, c.trailer) {
					t.Errorf("%s: trailer %q, expected %q", method, a.trailer, c.trailer)
				}
				for _, name := range []string{"connection", "keep-alive", "proxy-connection", "upgrade", "transfer-encoding", "x-hop", "x-accel-redirect"} {
					if found := a.values(name); found != nil {
						t.Errorf("%s: %s %q", method, name, found)
					}
				}
				if a.reset != (c.name == "half a body" && method == "GET") {
					t.Errorf("%s: the stream was reset: %v", method, a.reset)
				}
			}
		})
	}
}

// If a client resets a stream before or within the body, that is not counted as a
// failure of the application, and no connection stays open.
func TestStreamsThatAClientResetsAreNoUpstreamErrors_A10(t *testing.T) {
	silent, connections := silentUpstream(t)
	w := start(t, withUpstreamConf(silent, nil), h2c)
	client := w.http2(t)
	open := func(i int) uint32 {
		lines := []string{":method: POST", ":scheme: http", ":authority: acme.example.com", ":path: /"}
		if i%2 == 0 {
			lines = append(lines, "content-length: 100")
		}
		stream := client.open(i%4 == 3, lines...)
		if i%4 == 1 {
			client.must(client.WriteData(stream, false, []byte("half")))
		}
		return stream
	}
	const slow, rapid = 40, 400
	var streams []uint32
	for i := range slow {
		streams = append(streams, open(i))
	}
	w.eventually("the application has the requests", func() bool { return connections() == slow })
	for _, stream := range streams {
		client.must(client.WriteRSTStream(stream, http2.ErrCodeCancel))
	}
	w.eventually("their connections are closed", func() bool { return connections() == 0 })
	w.eventually("they are counted as client failures", func() bool { return w.server.clientFailures.closed.Load() == slow })
	for i := range rapid {
		client.must(client.WriteRSTStream(open(i), http2.ErrCodeCancel))
	}
	client.must(client.WritePing(false, [8]byte{1}))
	for pong := false; !pong; {
		frame, err := client.ReadFrame()
		client.must(err)
		f, ok := frame.(*http2.PingFrame)
		pong = ok && f.IsAck()
	}
	w.eventually("no connection stays open", func() bool { return connections() == 0 })
	if a := w.http2(t).do(":method: GET", ":scheme: http", ":authority: gone.example.com", ":path: /"); a.status != "410" {
		t.Errorf("another request has the status %s", a.status)
	}
	if logs := w.logs.String(); strings.Contains(logs, `"level":"ERROR"`) || strings.Contains(logs, `"level":"WARN"`) {
		t.Errorf("a client's fault is logged as an error: %s", logs)
	}
}

// silentUpstream accepts connections and sends nothing; open counts them.
func silentUpstream(t *testing.T) (u *url.URL, open func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var count atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			go func() {
				defer count.Add(-1)
				defer c.Close()
				for b := make([]byte, 1024); ; {
					if _, err := c.Read(b); err != nil {
						return
					}
				}
			}()
		}
	}()
	return &url.URL{Scheme: "http", Host: l.Addr().String()}, func() int { return int(count.Load()) }
}
