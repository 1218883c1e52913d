package sockets

import (
	"context"
	"crypto/tls"
	"fmt"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// The last bytes and the end of the input may have been read together.
func TestMessagesBeforeTheEndAreHandledAfterAPause(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		got := make(chan string, 10)
		conns := make(chan *Conn, 1)
		world := newWorld(t, w, Config{}, Options{Handler: script{
			message: func(c *Conn, _ Op, p []byte) {
				c.Pause()
				got <- string(p)
				conns <- c
			},
			closed: func(*Conn, Code, string) { got <- "end" },
		}})
		for i := range 10 {
			world.maxTLS = [...]uint16{tls.VersionTLS12, tls.VersionTLS13}[i%2]
			c := world.dial(t, nil)
			var all []byte
			for i := range 3 {
				all = append(all, frame(ws.OpText, true, fmt.Append(nil, i))...)
			}
			c.holdWrites()
			c.Write(all)
			c.Close()
			for i := range 3 {
				if found := <-got; found != fmt.Sprint(i) {
					t.Fatalf("expected message %d, found %s", i, found)
				}
				(<-conns).Resume()
			}
			if found := <-got; found != "end" {
				t.Fatalf("expected the end, found %s", found)
			}
		}
	})
}

// A goroutine may be blocked in a write.
func TestADropDoesNotWaitForAPeerThatDoesNotRead(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		ended := newRecorder()
		sent := make(chan struct{})
		world := newWorld(t, w, Config{WriteTimeout: time.Hour, CloseTimeout: time.Hour}, Options{Handler: script{
			message: func(c *Conn, _ Op, _ []byte) {
				c.Send(Binary, make([]byte, 16<<20)) // more than the kernel buffers
				close(sent)
			},
			closed: ended.closed,
		}})
		c := world.dial(t, nil)
		c.send(t, ws.OpText, []byte("send"))
		<-sent
		c.r.Peek(1) // the write has begun
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := world.hub.Shutdown(ctx); err != context.Canceled {
			t.Errorf("expected context.Canceled, found %v", err)
		}
		ended.expect(t, CodeGoingAway)
	})
}
