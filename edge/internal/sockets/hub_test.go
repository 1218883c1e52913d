package sockets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/gobwas/ws"
)

func TestMessagesOfAConnectionAreHandledOneByOneInOrder(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		const count = 2000
		var inside sync.Mutex
		handler := script{message: func(c *Conn, op Op, payload []byte) {
			if !inside.TryLock() {
				t.Error("two messages were handled at the same time")
				return
			}
			defer inside.Unlock()
			c.Send(op, payload)
		}}
		world := newWorld(t, w, Config{}, Options{Handler: handler})
		client := world.dial(t, nil)
		go func() {
			var batch []byte
			for i := range count {
				batch = append(batch, frame(ws.OpText, true, fmt.Append(nil, i))...)
			}
			client.Write(batch)
		}()
		for i := range count {
			client.expect(t, ws.OpText, fmt.Sprint(i))
		}
	})
}

func TestLargeMessagesAreEchoedHoweverTheyAreFragmented(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		world := newWorld(t, w, Config{MaxFrame: 32 << 20, MaxMessage: 32 << 20}, Options{Handler: echo{}})
		for _, c := range []struct{ size, fragment, chop int }{
			{64 << 10, 0, 0}, {1 << 20, 0, 0}, {16 << 20, 0, 0},
			{1 << 20, 64, 0}, {4 << 20, 256 << 10, 0},
			{1 << 20, 0, 97}, {1 << 20, 0, 2048}, {1 << 20, 1021, 389},
		} {
			t.Run(fmt.Sprintf("%d bytes, fragments of %d, chunks of %d", c.size, c.fragment, c.chop), func(t *testing.T) {
				payload := []byte(strings.Repeat("Grüße, ", c.size/9+1)[:c.size/9*9])
				client := world.dial(t, nil)
				go client.deliver(payload, c.fragment, c.chop)
				client.expect(t, ws.OpText, string(payload))
			})
		}
	})
}

// deliver writes a text message in fragments, in chunks of bytes.
func (c *client) deliver(payload []byte, fragment, chop int) {
	var all []byte
	op := ws.OpText
	for rest := payload; ; op = ws.OpContinuation {
		n := len(rest)
		if fragment > 0 && fragment < n {
			n = fragment
		}
		all = append(all, frame(op, n == len(rest), rest[:n])...)
		if rest = rest[n:]; len(rest) == 0 {
			break
		}
	}
	for len(all) > 0 {
		n := len(all)
		if chop > 0 && chop < n {
			n = chop
		}
		if _, err := c.Write(all[:n]); err != nil {
			return
		}
		all = all[n:]
	}
}

func TestLimitsEndAConnectionWithTheirCodes(t *testing.T) {
	config := Config{MaxFrame: 1000, MaxMessage: 2000}
	for _, c := range []struct {
		name string
		send []byte
		code Code
	}{
		{"a frame above the limit", frame(ws.OpText, true, make([]byte, 1001)), CodeTooBig},
		{"a message above the limit", bytes.Join([][]byte{
			frame(ws.OpText, false, make([]byte, 1000)), frame(ws.OpContinuation, false, make([]byte, 1000)), frame(ws.OpContinuation, true, []byte("x")),
		}, nil), CodeTooBig},
		{"a frame without a mask", ws.MustCompileFrame(ws.NewTextFrame([]byte("x"))), CodeProtocol},
		{"compression that was not negotiated", append([]byte{0xc1}, frame(ws.OpText, true, []byte("x"))[1:]...), CodeProtocol},
		{"a length that could be shorter", []byte{0x82, 0xfe, 0, 5}, 0},
		{"a length of 2^63", []byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, CodeProtocol},
		{"text that is not UTF-8", frame(ws.OpText, true, []byte("\xff")), CodeInvalidData},
	} {
		if c.code == 0 {
			c.send, c.code = append(c.send, 1, 2, 3, 4, 0, 0, 0, 0, 0), CodeProtocol
		}
		t.Run(c.name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, w connKind) {
				ended := newRecorder()
				world := newWorld(t, w, config, Options{Handler: script{closed: ended.closed}})
				client := world.dial(t, nil)
				client.Write(c.send)
				client.expectClose(t, c.code)
				client.expectEnd(t)
				ended.expect(t, c.code)
			})
		})
	}
}

func TestCloseWaitsForThePeersCloseFrame(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		ended := newRecorder()
		conns := make(chan *Conn, 1)
		world := newWorld(t, w, Config{}, Options{Handler: script{
			open:    func(c *Conn) { conns <- c },
			message: func(c *Conn, _ Op, p []byte) { t.Errorf("a message after Close: %q", p) },
			closed:  ended.closed,
		}})
		client := world.dial(t, nil)
		c := <-conns
		if err := c.Close(999, ""); !errors.Is(err, ErrCode) {
			t.Errorf("expected ErrCode, found %v", err)
		}
		if err := c.Send(Text, []byte("\xff")); err != ErrText {
			t.Errorf("expected ErrText, found %v", err)
		}
		c.Send(Text, []byte("last words"))
		if err := c.Close(4000, strings.Repeat("ü", 100)); err != nil {
			t.Fatal(err)
		}
		if err := c.Send(Text, nil); err != ErrClosed {
			t.Errorf("expected ErrClosed, found %v", err)
		}
		ended.expect(t, 4000)
		client.send(t, ws.OpText, []byte("ignored"))
		client.expect(t, ws.OpText, "last words")
		client.expect(t, ws.OpClose, "\x0f\xa0"+strings.Repeat("ü", 61))
		client.send(t, ws.OpClose, closePayload(4000))
		client.expectEnd(t)
	})
}

func TestAPeerThatDisconnectsIsReported(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		ended := newRecorder()
		world := newWorld(t, w, Config{}, Options{Handler: script{closed: ended.closed}})
		client := world.dial(t, nil)
		client.Conn.Close()
		ended.expect(t, CodeAbnormal)
	})
}

func TestASlowReaderIsClosedWith1013AndOthersContinue(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		ended := newRecorder()
		conns := make(chan *Conn, 2)
		world := newWorld(t, w, Config{MaxQueue: 64 << 10}, Options{Handler: script{open: func(c *Conn) { conns <- c }, closed: ended.closed}})
		slow := world.dial(t, nil)
		c := <-conns
		quick := world.dial(t, nil)
		other := <-conns
		big := NewFrame(Binary, make([]byte, 30<<10))
		for c.SendFrame(big) == nil {
		}
		other.Send(Text, []byte("unharmed"))
		quick.expect(t, ws.OpText, "unharmed")
		slow.expectClose(t, CodeTryLater) // after the complete frames that the kernel has buffered
		ended.expect(t, CodeTryLater)
		if n := world.hub.Stats().Slow; n != 1 {
			t.Errorf("expected 1 slow reader, found %d", n)
		}
	})
}

func TestASenderThatWaitsForRoomIsNotClosed(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		const size, count = 30 << 10, 400
		conns := make(chan *Conn, 1)
		world := newWorld(t, w, Config{MaxQueue: 64 << 10}, Options{Handler: script{open: func(c *Conn) { conns <- c }}})
		client := world.dial(t, nil)
		c := <-conns
		go func() {
			for range count {
				c.Send(Binary, make([]byte, size))
				c.WaitWritable(nil)
			}
			c.Close(CodeNormal, "")
		}()
		for range count {
			client.expect(t, ws.OpBinary, string(make([]byte, size)))
		}
		client.expectClose(t, CodeNormal)
	})
}

func TestAnEchoToAPeerThatReadsLateIsDelayedNotClosed(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		const size, count = 20 << 10, 1000 // more than the kernel buffers
		world := newWorld(t, w, Config{MaxQueue: 64 << 10}, Options{Handler: echo{}})
		client := world.dial(t, nil)
		payload := bytes.Repeat([]byte("x"), size)
		first := make(chan struct{})
		go func() {
			for i := range count {
				if i == count/2 {
					close(first)
				}
				if _, err := client.Write(frame(ws.OpText, true, payload)); err != nil {
					t.Error(err)
				}
			}
		}()
		client.expect(t, ws.OpText, string(payload))
		for range count - 1 {
			client.expect(t, ws.OpText, string(payload))
		}
		<-first
	})
}

func TestLimitsApplyToEachTenant(t *testing.T) {
	ended := newRecorder()
	world := newWorld(t, connKind{}, Config{}, Options{Handler: script{closed: ended.closed}, Limits: Limits{Connections: 2, Messages: 1, Burst: 3}})
	first, second := world.dial(t, nil), world.dial(t, nil)
	answer, _ := world.handshake(t, "GET", "HTTP/1.1", handshakeHeader())
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Errorf("expected 503 with Retry-After for the third connection, found %d", answer.StatusCode)
	}
	for range 4 {
		first.send(t, ws.OpText, []byte("x"))
	}
	first.expectClose(t, CodeTryLater)
	ended.expect(t, CodeTryLater)
	world.options.Tenant = "other"
	other := world.dial(t, nil)
	other.send(t, ws.OpText, []byte("x"))
	other.send(t, ws.OpPing, []byte("alive"))
	other.expect(t, ws.OpPong, "alive")
	if n, err := world.hub.CloseTenant("acme", CodePolicy, "deactivated"); err != nil || n == 0 {
		t.Errorf("expected to close the tenant's connections, found %d, %v", n, err)
	}
	second.expect(t, ws.OpClose, "\x03\xf0deactivated")
	other.send(t, ws.OpPing, []byte("still"))
	other.expect(t, ws.OpPong, "still")
}

func TestShutdownSendsCloseFramesAndWaits(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		ended := newRecorder()
		conns := make(chan *Conn, 3)
		world := newWorld(t, w, Config{}, Options{Handler: script{open: func(c *Conn) { conns <- c }, closed: ended.closed}})
		var clients []*client
		for range 3 {
			clients = append(clients, world.dial(t, nil))
			(<-conns).Send(Text, []byte("before"))
		}
		done := make(chan error)
		go func() { done <- world.hub.Shutdown(t.Context()) }()
		for _, c := range clients {
			c.expect(t, ws.OpText, "before")
			c.expect(t, ws.OpClose, "\x03\xe9")
			ended.expect(t, CodeGoingAway)
			c.send(t, ws.OpClose, closePayload(CodeGoingAway))
			c.expectEnd(t)
			c.Conn.Close()
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

func TestShutdownDropsPeersThatDoNotAnswer(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		world := newWorld(t, w, Config{}, Options{Handler: echo{}})
		client := world.dial(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := world.hub.Shutdown(ctx); err != context.Canceled {
			t.Errorf("expected context.Canceled, found %v", err)
		}
		world.hub.open.Wait()
		answer, _ := world.handshake(t, "GET", "HTTP/1.1", handshakeHeader())
		if answer.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("expected 503 after Shutdown, found %d", answer.StatusCode)
		}
		client.Conn.Close()
	})
}

func TestAHandlersPanicClosesOnlyItsConnection(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		world := newWorld(t, w, Config{Log: slog.New(slog.DiscardHandler)}, Options{Handler: script{message: func(c *Conn, op Op, p []byte) {
			if string(p) == "panic" {
				panic("in a handler")
			}
			c.Send(op, p)
		}}})
		client, other := world.dial(t, nil), world.dial(t, nil)
		client.send(t, ws.OpText, []byte("panic"))
		client.expectClose(t, CodeInternal)
		other.send(t, ws.OpText, []byte("fine"))
		other.expect(t, ws.OpText, "fine")
		if n := world.hub.Stats().Panics; n != 1 {
			t.Errorf("expected 1 panic, found %d", n)
		}
	})
}

func TestBlockedHandlersDelayNoOtherConnection(t *testing.T) {
	release := make(chan struct{})
	world := newWorld(t, connKind{}, Config{}, Options{Handler: script{message: func(c *Conn, op Op, p []byte) {
		if string(p) == "wait" {
			<-release
		}
		c.Send(op, p)
	}}})
	var waiting []*client
	for range 50 {
		c := world.dial(t, nil)
		c.send(t, ws.OpText, []byte("wait"))
		waiting = append(waiting, c)
	}
	other := world.dial(t, nil)
	other.send(t, ws.OpText, []byte("go on"))
	other.expect(t, ws.OpText, "go on")
	close(release)
	for _, c := range waiting {
		c.expect(t, ws.OpText, "wait")
	}
}

// pass advances a hub's clock, and waits after each tick until its connections
// are served.
func pass(t *testing.T, hub *Hub, ticks uint32) {
	t.Helper()
	for range ticks {
		due := hub.wheel.tick(nil)
		hub.tick.Add(1)
		for _, c := range due {
			c.schedule(flagTimer)
		}
		for _, c := range due {
			eventually(t, "the expired deadline is handled", func() bool {
				stats := hub.Stats()
				return c.flags.Load()&(flagTimer|flagScheduled) == 0 || stats.Polled+stats.Goroutines == 0
			})
		}
	}
}

// TestTime advances a hub's clock itself.
func TestTime(t *testing.T) {
	const second = uint32(time.Second / tickLength)
	eachKind(t, func(t *testing.T, w connKind) {
		start := func(t *testing.T, config Config, handler Handler) (*world, func(ticks uint32)) {
			config.NoPoll = w.noPoll
			hub, err := newHub(config)
			if err != nil {
				t.Fatal(err)
			}
			return serveHub(t, hub, w.tls, Options{Handler: handler}), func(ticks uint32) { pass(t, hub, ticks) }
		}
		t.Run("a silent peer gets a ping, and is dropped without a pong", func(t *testing.T) {
			ended := newRecorder()
			opened := make(chan *Conn, 1)
			world, pass := start(t, Config{PingInterval: 10 * time.Second, PongTimeout: 5 * time.Second}, script{open: func(c *Conn) { opened <- c }, closed: ended.closed})
			client := world.dial(t, nil)
			<-opened
			for range 3 {
				pass(10 * second)
				client.expect(t, ws.OpPing, "")
				client.send(t, ws.OpPong, nil)
				client.send(t, ws.OpPing, []byte("in order"))
				client.expect(t, ws.OpPong, "in order") // so the pong was received
			}
			pass(10 * second)
			client.expect(t, ws.OpPing, "")
			pass(5 * second)
			ended.expect(t, CodeAbnormal)
		})
		t.Run("a peer is not silent while it has a long message to read", func(t *testing.T) {
			const size = 16 << 20 // more than the kernel buffers
			opened := make(chan *Conn, 1)
			world, _ := start(t, Config{PingInterval: 10 * time.Second, PongTimeout: 5 * time.Second, WriteTimeout: time.Hour, MaxQueue: 4 << 10}, script{open: func(c *Conn) { opened <- c }})
			client := world.dial(t, nil)
			conn := <-opened
			// No goroutine serves it, so that the test is the one that writes.
			rests := func() bool { return conn.flags.Load()&(flagTimer|flagScheduled) == 0 }
			eventually(t, "the connection is open", rests)
			conn.Send(Binary, make([]byte, size))
			client.r.Peek(1) // the write has begun
			for range 60 * second {
				world.hub.advance(nil)
				eventually(t, "the expired deadline is handled", rests)
			}
			if f, err := client.next(); err != nil || len(f.Payload) != size {
				t.Fatalf("expected %d bytes, found %d and %v", size, len(f.Payload), err)
			}
			// The client may have all of it before the writer has noted that.
			if err := conn.WaitWritable(t.Context().Done()); err != nil {
				t.Fatal(err)
			}
			conn.Send(Text, []byte("still here"))
			client.expect(t, ws.OpText, "still here")
		})
		t.Run("a peer that sends no message is closed after IdleTimeout", func(t *testing.T) {
			ended := newRecorder()
			opened := make(chan *Conn, 1)
			world, pass := start(t, Config{PingInterval: 10 * time.Second, PongTimeout: 40 * time.Second, IdleTimeout: 30 * time.Second}, script{open: func(c *Conn) { opened <- c }, closed: ended.closed})
			client := world.dial(t, nil)
			<-opened
			pass(10 * second)
			client.expect(t, ws.OpPing, "")
			pass(20 * second)
			client.expectClose(t, CodeGoingAway)
			ended.expect(t, CodeGoingAway)
		})
		t.Run("a peer that does not answer a close frame is dropped", func(t *testing.T) {
			conns := make(chan *Conn, 1)
			ended := newRecorder()
			world, pass := start(t, Config{CloseTimeout: 3 * time.Second}, script{open: func(c *Conn) { conns <- c }, closed: ended.closed})
			client := world.dial(t, nil)
			(<-conns).Close(CodeNormal, "")
			client.expectClose(t, CodeNormal)
			ended.expect(t, CodeNormal) // the deadline is set
			pass(3 * second)
			client.expectEnd(t)
			world.hub.open.Wait()
		})
	})
}

func TestAnIdleConnectionIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Conn{}); n > 192 { // the size class
		t.Errorf("a connection has %d bytes, expected at most 192", n)
	}
	if n := unsafe.Sizeof(relay{}); n > 288 {
		t.Errorf("a relay has %d bytes in addition to the client's connection, expected at most 288", n)
	}
}
