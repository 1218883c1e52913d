package sockets

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

func handshakeHeader(changes ...string) http.Header {
	header := http.Header{
		"Upgrade":               {"websocket"},
		"Connection":            {"keep-alive, Upgrade"},
		"Sec-WebSocket-Version": {"13"},
		"Sec-WebSocket-Key":     {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			delete(header, changes[i])
		} else {
			header[changes[i]] = strings.Split(changes[i+1], "|")
		}
	}
	return header
}

func TestAHandshakeIsAnsweredWithAStatus_E6(t *testing.T) {
	for _, c := range []struct {
		name          string
		method, proto string
		change        []string
		status        int
		header        string // a header of the response
	}{
		{"a valid handshake", "", "", nil, 101, "Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
		{"the token of Upgrade in capitals", "", "", []string{"Upgrade", "WebSocket"}, 101, ""},
		{"several protocols to upgrade to", "", "", []string{"Upgrade", "h2c, websocket"}, 400, ""},
		{"the same in two headers", "", "", []string{"Upgrade", "h2c|websocket"}, 400, ""},
		{"a version of the protocol", "", "", []string{"Upgrade", "websocket/13"}, 400, ""},
		{"a connection in two headers", "", "", []string{"Connection", "keep-alive|Upgrade"}, 101, ""},
		{"no upgrade", "", "", []string{"Upgrade", ""}, 426, "Upgrade: websocket"},
		{"an upgrade to another protocol", "", "", []string{"Upgrade", "h2c"}, 426, ""},
		{"a connection without upgrade", "", "", []string{"Connection", "keep-alive"}, 426, ""},
		{"HTTP/1.0", "", "HTTP/1.0", nil, 426, ""},
		{"POST", "POST", "", nil, 405, "Allow: GET"},
		{"another version", "", "", []string{"Sec-WebSocket-Version", "8"}, 426, "Sec-Websocket-Version: 13"},
		{"no version", "", "", []string{"Sec-WebSocket-Version", ""}, 426, "Sec-Websocket-Version: 13"},
		{"no key", "", "", []string{"Sec-WebSocket-Key", ""}, 400, ""},
		{"a short key", "", "", []string{"Sec-WebSocket-Key", "c2hvcnQ="}, 400, ""},
		{"a key that is not base64", "", "", []string{"Sec-WebSocket-Key", "!!!!!!!!!!!!!!!!!!!!!!=="}, 400, ""},
		{"two keys", "", "", []string{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==|dGhlIHNhbXBsZSBub25jZQ=="}, 400, ""},
		{"an invalid header of extensions", "", "", []string{"Sec-WebSocket-Extensions", "a;;=b"}, 400, ""},
		{"an extension without a name", "", "", []string{"Sec-WebSocket-Extensions", "; a"}, 400, ""},
		{"a semicolon at the end", "", "", []string{"Sec-WebSocket-Extensions", "permessage-deflate;"}, 400, ""},
		{"an empty parameter", "", "", []string{"Sec-WebSocket-Extensions", "permessage-deflate; ; a"}, 400, ""},
		{"a parameter without its value", "", "", []string{"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits="}, 400, ""},
		{"an empty value in quotes", "", "", []string{"Sec-WebSocket-Extensions", `permessage-deflate; client_max_window_bits=""`}, 400, ""},
		{"a quoted value that is not a token", "", "", []string{"Sec-WebSocket-Extensions", `x; a="b c"`}, 400, ""},
		{"a comma in quotes", "", "", []string{"Sec-WebSocket-Extensions", `x; a="b,c"`}, 400, ""},
		{"quotes that do not end", "", "", []string{"Sec-WebSocket-Extensions", `x; a="b`}, 400, ""},
		{"an escape that does not end", "", "", []string{"Sec-WebSocket-Extensions", `x; a="b\`}, 400, ""},
		{"two values", "", "", []string{"Sec-WebSocket-Extensions", "x; a=b c"}, 400, ""},
		{"two names", "", "", []string{"Sec-WebSocket-Extensions", "permessage-deflate x"}, 400, ""},
		{"a name in quotes", "", "", []string{"Sec-WebSocket-Extensions", `"permessage-deflate"`}, 400, ""},
		{"a second line that is malformed", "", "", []string{"Sec-WebSocket-Extensions", "permessage-deflate|;"}, 400, ""},
		{"a comment", "", "", []string{"Sec-WebSocket-Extensions", "permessage-deflate (fast)"}, 400, ""},
		{"no extensions", "", "", []string{"Sec-WebSocket-Extensions", " "}, 101, ""},
		{"invalid subprotocols", "", "", []string{"Sec-WebSocket-Protocol", "a b;;"}, 400, ""},
		{"two subprotocols without a comma", "", "", []string{"Sec-WebSocket-Protocol", "a b"}, 400, ""},
		{"a subprotocol in quotes", "", "", []string{"Sec-WebSocket-Protocol", `"a"`}, 400, ""},
		{"empty elements among subprotocols", "", "", []string{"Sec-WebSocket-Protocol", ", a,,"}, 101, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			world := newWorld(t, connKind{}, Config{Compression: CompressionPerMessage}, Options{Handler: echo{}})
			method, proto := "GET", "HTTP/1.1"
			if c.method != "" {
				method = c.method
			}
			if c.proto != "" {
				proto = c.proto
			}
			answer, _ := world.handshake(t, method, proto, handshakeHeader(c.change...))
			if answer.StatusCode != c.status {
				t.Errorf("expected status %d, found %d", c.status, answer.StatusCode)
			}
			if name, value, ok := strings.Cut(c.header, ": "); ok && answer.Header.Get(name) != value {
				t.Errorf("expected %s, found %q", c.header, answer.Header.Get(name))
			}
			eventually(t, "the hub counts the connection", func() bool { // the response may be read earlier
				stats, rejected := world.hub.Stats(), c.status != 101
				return stats.Rejected == map[bool]uint64{true: 1}[rejected] && (!rejected || stats.Tenants == 0)
			})
		})
	}
}

// The handler is called only for accepted handshakes.
func TestAnInvalidHandshakeIsNotAdmitted(t *testing.T) {
	for _, c := range []struct {
		name   string
		change []string
		body   string
	}{
		{"an invalid header of extensions", []string{"Sec-Websocket-Extensions", "a;;=b"}, ""},
		{"invalid subprotocols", []string{"Sec-Websocket-Protocol", "a b;;"}, ""},
		{"a body, which would be read as frames", nil, "\x81\x80\x00\x00\x00\x00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			hub, err := New(Config{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { hub.Shutdown(t.Context()) })
			r := httptest.NewRequest("GET", "/", strings.NewReader(c.body))
			for name, values := range handshakeHeader(c.change...) {
				r.Header[http.CanonicalHeaderKey(name)] = values
			}
			w := httptest.NewRecorder()
			var rejection *Rejection
			s, err := hub.Admit(w, r, Options{AllowNoOrigin: true})
			if s != nil {
				s.Reject()
			}
			if !errors.As(err, &rejection) || w.Code != http.StatusBadRequest {
				t.Errorf("found %v and status %d, expected a rejection with 400", err, w.Code)
			}
		})
	}
}

func TestW3AnOriginIsTheTenantsOrRejected(t *testing.T) {
	own := func(origin Origin) bool { return origin.Scheme == "https" && origin.Host == "app.acme.test" }
	for _, c := range []struct {
		name    string
		options Options
		header  []string
		status  int
	}{
		{"the request's own host", Options{}, []string{"Origin", "http://acme.test"}, 101},
		{"the request's own host in capitals", Options{}, []string{"Origin", "http://ACME.test"}, 101},
		{"another site", Options{}, []string{"Origin", "http://evil.test"}, 403},
		{"another port", Options{}, []string{"Origin", "http://acme.test:8080"}, 403},
		{"an allowed origin", Options{AllowOrigin: own}, []string{"Origin", "https://App.acme.test"}, 101},
		{"its scheme counts", Options{AllowOrigin: own}, []string{"Origin", "http://app.acme.test"}, 403},
		{"AllowOrigin replaces the host", Options{AllowOrigin: own}, []string{"Origin", "https://acme.test"}, 403},
		{"a sandboxed page", Options{AllowOrigin: func(Origin) bool { return true }}, []string{"Origin", "null"}, 403},
		{"two origins", Options{}, []string{"Origin", "http://acme.test|http://acme.test"}, 403},
		{"none", Options{}, nil, 403},
		{"no origin, and programs are allowed", Options{AllowNoOrigin: true}, nil, 101},
		{"no origin, and a browser's headers", Options{AllowNoOrigin: true}, []string{"Sec-Fetch-Mode", "websocket"}, 403},
		{"no origin, and a browser's User-Agent", Options{AllowNoOrigin: true}, []string{"User-Agent", "Mozilla/5.0"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Handler = echo{}
			world := newWorld(t, connKind{}, Config{}, c.options)
			world.options.AllowNoOrigin = c.options.AllowNoOrigin
			answer, _ := world.handshake(t, "GET", "HTTP/1.1", handshakeHeader(c.header...))
			if answer.StatusCode != c.status {
				t.Errorf("expected status %d, found %d", c.status, answer.StatusCode)
			}
		})
	}
}

func TestTheClientsFirstSupportedProtocolIsChosen(t *testing.T) {
	for _, c := range []struct{ offered, supported, chosen string }{
		{"a, b", "b a", "a"},
		{"c|b, a", "a b", "b"},
		{"c", "a b", ""},
		{"", "a", ""},
		{" ", "a", ""},
		{" |a", "a", "a"},
		{"a", "", ""},
	} {
		opened := make(chan string, 1)
		handler := script{open: func(c *Conn) { opened <- c.Protocol() }}
		world := newWorld(t, connKind{}, Config{}, Options{Handler: handler, Protocols: strings.Fields(c.supported), Header: http.Header{"X-Edge": {"1"}}})
		answer, _ := world.handshake(t, "GET", "HTTP/1.1", handshakeHeader("Sec-WebSocket-Protocol", c.offered))
		if got, handlers := answer.Header.Get("Sec-WebSocket-Protocol"), <-opened; got != c.chosen || handlers != c.chosen {
			t.Errorf("%q offered, %q supported: expected %q, found %q, and the handler got %q", c.offered, c.supported, c.chosen, got, handlers)
		}
		if answer.Header.Get("X-Edge") != "1" {
			t.Error("the response lacks the header of the options")
		}
	}
}

func TestBytesReadWithTheHandshakeAreNotLost(t *testing.T) {
	for _, noPoll := range []bool{false, true} {
		world := newWorld(t, connKind{noPoll: noPoll}, Config{}, Options{Handler: echo{}})
		conn, err := net.Dial("tcp", world.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var all strings.Builder
		all.WriteString("GET / HTTP/1.1\r\nHost: acme.test\r\n")
		handshakeHeader().Write(&all)
		all.WriteString("\r\n")
		for i := range 3 {
			all.Write(frame(ws.OpText, true, fmt.Append(nil, "early ", i)))
		}
		complete := frame(ws.OpText, true, []byte("in two parts"))
		all.Write(complete[:7])
		if _, err := io.WriteString(conn, all.String()); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(conn)
		if answer, err := http.ReadResponse(r, nil); err != nil || answer.StatusCode != 101 {
			t.Fatal(answer, err)
		}
		c := &client{Conn: conn, r: r}
		for i := range 3 {
			c.expect(t, ws.OpText, fmt.Sprint("early ", i))
		}
		conn.Write(complete[7:])
		c.expect(t, ws.OpText, "in two parts")
	}
}
