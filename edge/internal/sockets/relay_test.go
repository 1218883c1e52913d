package sockets

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// newRelay returns a hub that relays to an upstream of the same kind.
func newRelay(t testing.TB, w connKind, config Config, options Options, backend *world) *world {
	t.Helper()
	world := newWorld(t, w, config, options)
	dialer := &Dialer{Timeout: 10 * time.Second, HandshakeTimeout: 10 * time.Second, TLS: &tls.Config{InsecureSkipVerify: true}}
	scheme := "ws"
	if backend.tls {
		scheme = "wss"
	}
	world.serve = func(rw http.ResponseWriter, r *http.Request) {
		s, err := world.hub.Admit(rw, r, world.options)
		if err != nil {
			return
		}
		up, err := dialer.Dial(r.Context(), &http.Request{
			URL:  &url.URL{Scheme: scheme, Host: backend.server.Listener.Addr().String(), Path: r.URL.Path},
			Host: r.Host, Header: r.Header,
		})
		var status *StatusError
		switch {
		case errors.As(err, &status):
			defer status.Response.Body.Close()
			s.Reject()
			rw.WriteHeader(status.Response.StatusCode)
			io.Copy(rw, status.Response.Body)
		case err != nil:
			s.Reject()
			rw.WriteHeader(http.StatusBadGateway)
		default:
			s.Relay(up, up.Header)
		}
	}
	return world
}

func TestARelayCarriesCompressionAndSubprotocol(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		backend := newWorld(t, w, Config{Compression: CompressionPerMessage}, Options{Handler: echo{}, Protocols: []string{"two"}})
		world := newRelay(t, w, Config{}, Options{}, backend)
		answer, c := world.handshake(t, "GET", "HTTP/1.1", handshakeHeader(
			"Sec-WebSocket-Protocol", "one, two", "Sec-WebSocket-Extensions", "foo, permessage-deflate; client_max_window_bits"))
		if got := answer.Header.Get("Sec-Websocket-Protocol"); got != "two" {
			t.Errorf("expected the upstream's subprotocol, found %q", got)
		}
		if got := answer.Header.Get("Sec-Websocket-Extensions"); !strings.HasPrefix(got, "permessage-deflate;") {
			t.Errorf("expected the upstream's compression, found %q", got)
		}
		text := strings.Repeat("compressible ", 1000)
		c.send(t, ws.OpText, []byte(text))
		f, err := c.next()
		if err != nil || f.Header.Rsv == 0 || len(f.Payload) > len(text)/10 {
			t.Errorf("expected a compressed echo, found %d bytes and %v", len(f.Payload), err)
		}
	})
}

func TestARelayForwardsTheEndOfEitherSide(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		ended := newRecorder()
		conns := make(chan *Conn, 1)
		backend := newWorld(t, w, Config{}, Options{Handler: script{
			open:   func(c *Conn) { conns <- c },
			closed: ended.closed,
			message: func(c *Conn, _ Op, p []byte) {
				if string(p) == "vanish" {
					c.schedule(flagAbort)
				}
			},
		}})
		world := newRelay(t, w, Config{}, Options{}, backend)
		for _, test := range []struct {
			name       string
			do         func(t *testing.T, c *client, up *Conn)
			code, tell Code
		}{
			{"the client closes with a code", func(t *testing.T, c *client, _ *Conn) {
				c.send(t, ws.OpClose, append(closePayload(4321), "why"...))
			}, 4321, 4321},
			{"the client closes without one", func(t *testing.T, c *client, _ *Conn) { c.send(t, ws.OpClose, nil) }, CodeNoStatus, CodeNoStatus},
			{"the upstream closes", func(t *testing.T, _ *client, up *Conn) { up.Close(3456, "why") }, 3456, 3456},
			{"the upstream vanishes", func(t *testing.T, c *client, _ *Conn) { c.send(t, ws.OpText, []byte("vanish")) }, CodeBadGateway, CodeAbnormal},
			{"the client vanishes", func(t *testing.T, c *client, _ *Conn) { c.Close() }, 0, CodeAbnormal},
			{"the client breaks the protocol", func(t *testing.T, c *client, _ *Conn) { c.Write([]byte{0x83, 0x80, 0, 0, 0, 0}) }, CodeProtocol, CodeGoingAway},
			{"the relays of the tenant are closed", func(t *testing.T, c *client, _ *Conn) { world.hub.CloseRelays("acme", CodeRestart) }, CodeRestart, CodeGoingAway},
			{"the tenant is closed", func(t *testing.T, c *client, _ *Conn) { world.hub.CloseTenant("acme", CodePolicy, "") }, CodePolicy, CodeGoingAway},
		} {
			t.Run(test.name, func(t *testing.T) {
				c := world.dial(t, nil)
				test.do(t, c, <-conns)
				if test.code != 0 {
					c.expectClose(t, test.code)
					c.send(t, ws.OpClose, closePayload(1000)) // if the other side began
				}
				ended.expect(t, test.tell)
			})
		}
	})
}

func TestARelayForwardsTheUpstreamsRejection(t *testing.T) {
	backend := newWorld(t, connKind{}, Config{}, Options{})
	backend.serve = func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "not today", http.StatusTeapot) }
	world := newRelay(t, connKind{}, Config{}, Options{}, backend)
	answer, c := world.handshake(t, "GET", "HTTP/1.1", handshakeHeader())
	body, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusTeapot || string(body) != "not today\n" {
		t.Errorf("expected the upstream's response, found %d %q", answer.StatusCode, body)
	}
	c.Close()
	backend.server.Close()
	if answer, _ := world.handshake(t, "GET", "HTTP/1.1", handshakeHeader()); answer.StatusCode != http.StatusBadGateway {
		t.Errorf("expected 502 for an upstream that is down, found %d", answer.StatusCode)
	}
	if stats := world.hub.Stats(); stats.Tenants != 0 || stats.Rejected != 2 {
		t.Errorf("expected no connections after rejected handshakes, found %+v", stats)
	}
}

// A relay offers only permessage-deflate, in the usual spelling, and accepts
// only a response to that offer.
func TestARelayOffersAndAcceptsWhatTheRFCAllows_E6(t *testing.T) {
	const base = "permessage-deflate"
	for _, c := range []struct {
		name, offer, offered, answer, want string
		status                             int
	}{
		{"an empty list", " ", "", "", "", 101},
		{"another spelling", base + ` ;server_max_window_bits="\9" , x`, base + "; server_max_window_bits=9", base + ";server_max_window_bits=8", base + "; server_max_window_bits=8", 101},
		{"an invalid offer before a valid one", base + "; client_max_window_bits=08, " + base, base, base, base, 101},
		{"a repeated parameter", base + "; client_max_window_bits; client_max_window_bits", "", "", "", 101},
		{"an answer with an empty element", base, base, "," + base + " ,", base, 101},
		{"a limit that the client supports", base + "; client_max_window_bits", base + "; client_max_window_bits", base + "; client_max_window_bits=9", base + "; client_max_window_bits=9", 101},
		{"a limit that the client does not know", base, base, base + "; client_max_window_bits=9", "", 502},
		{"a limit without a value", base + "; client_max_window_bits", base + "; client_max_window_bits", base + "; client_max_window_bits", "", 502},
		{"a window larger than requested", base + "; server_max_window_bits=9", base + "; server_max_window_bits=9", base + "; server_max_window_bits=10", "", 502},
		{"a window that the server ignores", base + "; server_max_window_bits=9", base + "; server_max_window_bits=9", base, "", 502},
		{"a context that the client declined", base + "; server_no_context_takeover", base + "; server_no_context_takeover", base, "", 502},
		{"an answer with a leading zero", base, base, base + "; server_max_window_bits=09", "", 502},
		{"an answer with a parameter twice", base, base, base + "; server_no_context_takeover; server_no_context_takeover", "", 502},
		{"an unknown parameter", base, base, base + "; a", "", 502},
		{"the same extension twice", base, base, base + ", " + base, "", 502},
		{"an answer that is malformed", base, base, base + ";", "", 502},
		{"an answer to no offer", "", "", base, "", 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			offered := make(chan string, 1)
			backend := newWorld(t, connKind{}, Config{}, Options{})
			backend.serve = func(rw http.ResponseWriter, r *http.Request) {
				offered <- strings.Join(r.Header["Sec-Websocket-Extensions"], "|")
				conn, _, err := http.NewResponseController(rw).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n", acceptKey(r.Header.Get("Sec-Websocket-Key")))
				if c.answer != "" {
					fmt.Fprintf(conn, "Sec-WebSocket-Extensions: %s\r\n", c.answer)
				}
				fmt.Fprint(conn, "\r\n")
			}
			answer, _ := newRelay(t, connKind{}, Config{}, Options{}, backend).handshake(t, "GET", "HTTP/1.1", handshakeHeader("Sec-WebSocket-Extensions", c.offer))
			if got := answer.Header.Get("Sec-Websocket-Extensions"); answer.StatusCode != c.status || got != c.want {
				t.Errorf("status %d and %q, expected %d and %q", answer.StatusCode, got, c.status, c.want)
			}
			if got := <-offered; got != c.offered {
				t.Errorf("the upstream was offered %q, expected %q", got, c.offered)
			}
		})
	}
}

func TestDialRejectsAnInvalidHandshake(t *testing.T) {
	for name, header := range map[string]http.Header{
		"no accept":                         {},
		"another key's accept":              {"Sec-Websocket-Accept": {"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}},
		"a protocol that was not offered":   {"Accept-It": {"1"}, "Sec-Websocket-Protocol": {"x"}},
		"an extension that was not offered": {"Accept-It": {"1"}, "Sec-Websocket-Extensions": {"permessage-deflate"}},
	} {
		t.Run(name, func(t *testing.T) {
			backend := newWorld(t, connKind{}, Config{}, Options{})
			backend.serve = func(rw http.ResponseWriter, r *http.Request) {
				conn, _, err := http.NewResponseController(rw).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				answer := header.Clone()
				if answer.Get("Accept-It") != "" {
					answer.Set("Sec-WebSocket-Accept", acceptKey(r.Header.Get("Sec-Websocket-Key")))
				}
				fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
				answer.Write(conn)
				fmt.Fprint(conn, "\r\n")
			}
			u, _ := url.Parse(backend.server.URL)
			if _, err := new(Dialer).Dial(t.Context(), &http.Request{URL: u}); !errors.Is(err, ErrHandshake) {
				t.Errorf("expected %v, found %v", ErrHandshake, err)
			}
		})
	}
}

func TestDialEndsAtItsTimeout(t *testing.T) {
	held := make(chan struct{})
	backend := newWorld(t, connKind{}, Config{}, Options{})
	backend.serve = func(http.ResponseWriter, *http.Request) { <-held }
	defer close(held)
	u, _ := url.Parse(backend.server.URL)
	dialer := &Dialer{HandshakeTimeout: 10 * time.Millisecond}
	if _, err := dialer.Dial(t.Context(), &http.Request{URL: u}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("expected %v, found %v", context.DeadlineExceeded, err)
	}
}

// A message of many megabytes passes a relay with much smaller queues, in both
// directions, in fragments and in one frame, byte by byte at the start.
func TestARelayStreamsMessagesLargerThanItsQueues(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		const size = 8 << 20
		config := Config{MaxMessage: size, MaxFrame: size, MaxQueue: 4 << 10}
		deep := config
		deep.MaxQueue = 4 * size
		world := newRelay(t, w, config, Options{}, newWorld(t, w, deep, Options{Handler: echo{}}))
		message := bytes.Repeat([]byte("0123456789abcde"), size/15)
		for _, pieces := range []int{1, 7} {
			c := world.dial(t, nil)
			go func() {
				step := len(message) / pieces
				for i := range pieces {
					part := message[i*step:]
					op := ws.OpContinuation
					if i == 0 {
						op = ws.OpText
					}
					if i < pieces-1 {
						part = part[:step]
					}
					wire := frame(op, i == pieces-1, part)
					for _, b := range wire[:20] {
						c.Write([]byte{b})
					}
					c.Write(wire[20:])
				}
			}()
			var got []byte
			for {
				f, err := c.next()
				if err != nil {
					t.Fatalf("after %d bytes: %v", len(got), err)
				}
				got = append(got, f.Payload...)
				if f.Header.Fin {
					break
				}
			}
			if !bytes.Equal(got, message) {
				t.Errorf("expected the message of %d bytes unchanged, found another of %d", len(message), len(got))
			}
		}
	})
}

// A peer that does not read stops the other one from writing: the queue bounds
// the bytes in flight, and no connection is closed.
func TestARelaySlowsDownThePeerOfASlowReader(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		sent := make(chan int, 1)
		backend := newWorld(t, w, Config{MaxQueue: 1 << 20}, Options{Handler: script{open: func(c *Conn) {
			go func() {
				n := 0
				chunk := make([]byte, 32<<10)
				for ; n < 1024; n++ {
					if c.WaitWritable(nil) != nil || c.Send(Binary, chunk) != nil {
						break
					}
				}
				sent <- n
			}()
		}}})
		world := newRelay(t, w, Config{MaxQueue: 16 << 10}, Options{}, backend)
		c := world.dial(t, nil)
		got := 0
		for range 1024 {
			f, err := c.next()
			if err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
			got += len(f.Payload)
			for !f.Header.Fin {
				if f, err = c.next(); err != nil {
					t.Fatal(err)
				}
				got += len(f.Payload)
			}
		}
		if n := <-sent; n != 1024 || got != 1024*32<<10 {
			t.Errorf("expected 1024 messages, found %d sent and %d bytes", n, got)
		}
		if stats := world.hub.Stats(); stats.Slow != 0 {
			t.Errorf("expected no closed connection: %+v", stats)
		}
	})
}

func TestTheTenantsLimitsApplyToARelaysClient(t *testing.T) {
	backend := newWorld(t, connKind{}, Config{}, Options{Handler: echo{}})
	world := newRelay(t, connKind{}, Config{MaxMessage: 1000}, Options{Limits: Limits{Connections: 1, Messages: 1, Burst: 3}}, backend)
	c := world.dial(t, nil)
	if answer, _ := world.handshake(t, "GET", "HTTP/1.1", handshakeHeader()); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("expected 503 for one too many, found %d", answer.StatusCode)
	}
	for range 5 {
		c.send(t, ws.OpText, []byte("x"))
	}
	c.expectClose(t, CodeTryLater)
	c.Close()
	eventually(t, "the upstream's side is closed", func() bool { return world.hub.Stats().Upstreams == 0 })
	big := newRelay(t, connKind{}, Config{MaxMessage: 1000}, Options{}, backend).dial(t, nil)
	big.Write(frame(ws.OpText, false, make([]byte, 600)))
	big.Write(frame(ws.OpContinuation, true, make([]byte, 600)))
	big.expectClose(t, CodeTooBig)
}

func TestAShutdownEndsRelaysWith1001OnBothSides(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		upstreamClosed := newRecorder()
		backend := newWorld(t, w, Config{}, Options{Handler: script{closed: upstreamClosed.closed}})
		world := newRelay(t, w, Config{}, Options{}, backend)
		c := world.dial(t, nil)
		ended := make(chan error, 1)
		go func() { ended <- world.hub.Shutdown(t.Context()) }()
		c.expectClose(t, CodeGoingAway)
		c.send(t, ws.OpClose, closePayload(CodeGoingAway))
		upstreamClosed.expect(t, CodeGoingAway)
		c.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAPausedConnectionIsNotReadFrom(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		got := make(chan string, 10)
		conns := make(chan *Conn, 1)
		world := newWorld(t, w, Config{}, Options{Handler: script{
			open: func(c *Conn) { conns <- c },
			message: func(c *Conn, _ Op, p []byte) {
				c.Pause() // before the test gets the message and resumes
				got <- string(p)
			},
		}})
		c := world.dial(t, nil)
		conn := <-conns
		c.Write(append(frame(ws.OpText, true, []byte("one")), frame(ws.OpText, true, []byte("two"))...))
		c.send(t, ws.OpText, []byte("three"))
		for _, want := range []string{"one", "two", "three"} {
			if first := <-got; first != want {
				t.Fatalf("expected %q, found %q", want, first)
			}
			select {
			case early := <-got:
				t.Fatalf("found %q during a pause", early)
			default:
			}
			conn.Resume()
		}
		conn.Pause()
		conn.Close(CodeNormal, "")
		c.expectClose(t, CodeNormal)
	})
}

// Input from before a pause is handled before input from after it.
func TestMessagesKeepTheirOrderWhenAPauseEndsAtAnyTime(t *testing.T) {
	const messages = 2000
	eachKind(t, func(t *testing.T, w connKind) {
		got := make(chan string, messages)
		paused := make(chan *Conn, messages)
		world := newWorld(t, w, Config{}, Options{Handler: script{
			message: func(c *Conn, _ Op, p []byte) {
				c.Pause()
				got <- string(p)
				paused <- c
			},
		}})
		c := world.dial(t, nil)
		var done sync.WaitGroup
		defer done.Wait()
		ended := make(chan struct{})
		defer close(ended)
		done.Go(func() {
			for {
				select {
				case c := <-paused:
					c.Resume()
				case <-ended:
					return
				}
			}
		})
		done.Go(func() {
			var b []byte
			for i := range messages {
				b = append(b, frame(ws.OpText, true, fmt.Append(nil, i))...)
				if i%3 == 0 {
					c.Write(b)
					b = b[:0]
				}
			}
			c.Write(b)
		})
		for i := range messages {
			if found := <-got; found != fmt.Sprint(i) {
				t.Fatalf("expected %d, found %s", i, found)
			}
		}
	})
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(20 * time.Second); !holds(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("timed out: %s", what)
		}
	}
}
