package sockets

import (
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// No other goroutine serves the connection meanwhile.
func TestAHandlerMayWaitForRoomInItsOwnCallbacks(t *testing.T) {
	const chunks, size = 256, 64 << 10 // more than the kernel buffers
	say := func(t *testing.T, c *Conn) {
		for range chunks {
			if err := c.WaitWritable(nil); err != nil {
				t.Error(err)
			}
			if err := c.Send(Binary, make([]byte, size)); err != nil {
				t.Error(err)
			}
		}
	}
	hear := func(t *testing.T, c *client) {
		for got := 0; got < chunks; got++ {
			if f, err := c.next(); err != nil || len(f.Payload) != size {
				t.Fatalf("expected %d messages, found %d and %v", chunks, got, err)
			}
		}
	}
	eachKind(t, func(t *testing.T, w connKind) {
		world := newWorld(t, w, Config{}, Options{Handler: script{message: func(c *Conn, _ Op, _ []byte) { say(t, c) }}})
		c := world.dial(t, nil)
		for range 2 {
			c.send(t, ws.OpText, []byte("speak"))
			hear(t, c)
		}
		if stats := world.hub.Stats(); stats.Slow != 0 {
			t.Errorf("expected no closed connection: %+v", stats)
		}
	})
}

// The waiting goroutine is in the connection's own callback, so only the end of
// the connection can wake it.
func TestAWaitForRoomEndsWithTheConnection(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		for _, test := range []struct {
			name    string
			timeout time.Duration
			end     func(w *world)
		}{
			{"the peer reads nothing", time.Millisecond, func(*world) {}},
			{"its tenant is closed", time.Hour, func(w *world) { w.hub.CloseTenant("acme", CodePolicy, "") }},
		} {
			t.Run(test.name, func(t *testing.T) {
				waits := make(chan struct{}, 1)
				waited := make(chan error, 1)
				world := newWorld(t, w, Config{WriteTimeout: test.timeout}, Options{Handler: script{message: func(c *Conn, _ Op, _ []byte) {
					c.Send(Binary, make([]byte, 16<<20)) // more than the kernel buffers
					waits <- struct{}{}
					waited <- c.WaitWritable(nil)
				}}})
				c := world.dial(t, nil)
				c.send(t, ws.OpText, []byte("speak"))
				<-waits
				test.end(world)
				if err := <-waited; err != ErrClosed {
					t.Errorf("expected %v, found %v", ErrClosed, err)
				}
				c.Close()
			})
		}
	})
}
