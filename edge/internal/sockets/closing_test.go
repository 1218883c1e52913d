package sockets

import (
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// TestAnEndIsReadThatWaitedBehindAPause: the peer had closed before it was told
// of our own close, so nothing more comes from it that could wake anybody.
func TestAnEndIsReadThatWaitedBehindAPause(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
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

// TestADeadlineOfBeforeDoesNotCutTheCloseHandshakeShort: a ping's deadline
// passes while the handler closes.
func TestADeadlineOfBeforeDoesNotCutTheCloseHandshakeShort(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
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
			t.Errorf("expected that nobody was late, found %d timeouts", n)
		}
	})
}

// TestWhatAPeerThatIsGoneDidNotTakeIsNoLongerHeldAgainstItsTenant: the tenant's
// other readers have room again.
func TestWhatAPeerThatIsGoneDidNotTakeIsNoLongerHeldAgainstItsTenant(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		conns := make(chan *Conn, 2)
		told := newRecorder()
		world := newWorld(t, w, Config{}, Options{Handler: script{open: func(c *Conn) { conns <- c }, closed: told.closed}})
		world.dial(t, nil)
		stays := <-conns
		c := world.dial(t, nil)
		goes := <-conns
		goes.stream.closeWrite() // so that writing fails, as it does once the peer is gone
		if err := goes.Send(Binary, make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		told.expect(t, CodeAbnormal)
		c.Close()
		eventually(t, "nothing waits for the tenant's readers", func() bool { return stays.tenant.queued.Load() == 0 })
	})
}
