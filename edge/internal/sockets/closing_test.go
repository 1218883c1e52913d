package sockets

import (
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// The peer closed during a pause, before it got our close frame, so no further
// event of it wakes a worker.
func TestACloseFrameFromBeforeAPauseIsRead(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		conns := make(chan *Conn, 1)
		world := newWorld(t, w, Config{CloseTimeout: time.Hour}, Options{Handler: script{
			message: func(c *Conn, _ Op, _ []byte) {
				c.Pause()
				conns <- c
			},
		}})
		c := world.dial(t, nil)
		c.Write(append(frame(ws.OpText, true, []byte("last")), frame(ws.OpClose, true, closePayload(CodeNormal))...))
		(<-conns).Close(CodeGoingAway, "")
		c.expectClose(t, CodeGoingAway)
		c.expectEnd(t)
	})
}

// The deadline of a ping passes while the handler closes.
func TestAnEarlierDeadlineDoesNotEndTheCloseHandshake(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		world := newWorld(t, w, Config{CloseTimeout: time.Hour}, Options{Handler: script{
			message: func(c *Conn, _ Op, _ []byte) { c.Close(CodeNormal, "") },
			closed:  func(c *Conn, _ Code, _ string) { c.schedule(flagTimer) },
		}})
		c := world.dial(t, nil)
		c.send(t, ws.OpText, []byte("close"))
		c.expectClose(t, CodeNormal)
		c.send(t, ws.OpClose, closePayload(CodeNormal))
		c.expectEnd(t)
		if n := world.hub.Stats().Timeouts; n != 0 {
			t.Errorf("expected no timeouts, found %d", n)
		}
	})
}

// The queue of a closed connection no longer counts, so the tenant's others
// have room.
func TestTheQueueOfAClosedConnectionIsNotCounted(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		conns := make(chan *Conn, 2)
		ended := newRecorder()
		world := newWorld(t, w, Config{}, Options{Handler: script{open: func(c *Conn) { conns <- c }, closed: ended.closed}})
		world.dial(t, nil)
		other := <-conns
		c := world.dial(t, nil)
		closing := <-conns
		closing.stream.closeWrite() // so that writing fails, as after a reset
		if err := closing.Send(Binary, make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		ended.expect(t, CodeAbnormal)
		c.Close()
		eventually(t, "no bytes are queued for the tenant", func() bool { return other.tenant.queued.Load() == 0 })
	})
}
