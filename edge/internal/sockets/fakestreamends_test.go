package sockets

import (
	"bytes"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// The close frame is never written, so it must not be counted.
func TestACloseFrameAfterAFailedWriteIsNotCounted(t *testing.T) {
	c, stream := newFakeConn(t, Config{}, script{})
	stream.failing = true
	c.Send(Text, []byte("into the void"))
	c.write()
	c.Close(CodeNormal, "")
	stream.serveAll(c)
	if n := c.tenant.queued.Load(); n != 0 || c.phase != phaseClosed {
		t.Errorf("expected nothing queued for a closed connection, found %d bytes and phase %d", n, c.phase)
	}
}

// The handler may wait for the goroutine that waits for room, and it blocks the
// worker that would have written.
func TestASenderThatWaitsForRoomWritesWhileAHandlerRuns(t *testing.T) {
	c, stream := newFakeConn(t, Config{MaxQueue: 64}, script{})
	c.Send(Binary, make([]byte, 100))
	drained := make(chan error)
	go func() { drained <- c.WaitWritable(nil) }()
	eventually(t, "the other goroutine waits", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.extra != nil && c.extra.writable != nil
	})
	c.setCalling(true)
	select {
	case err := <-drained:
		if err != nil || len(stream.out) != 102 {
			t.Errorf("expected all bytes to be written, found %d bytes and %v", len(stream.out), err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the handler and the sender that waits for room are deadlocked")
	}
	c.setCalling(false)
}

// A message queued after the clock was read has waited for no time; the
// difference must not wrap around.
func TestATickDuringASendIsNoTimeout(t *testing.T) {
	c, stream := newFakeConn(t, Config{}, script{})
	stream.blocked = true
	c.Send(Text, []byte("just now"))
	c.progressAt = c.hub.tick.Load() + 1
	c.timer()
	if n := c.hub.Stats().Timeouts; n != 0 || c.phase != phaseOpen {
		t.Errorf("expected no timeout, found %d and phase %d", n, c.phase)
	}
}

// Neither the handler's time nor a pause counts as silence of the peer.
func TestAPeerIsNotSilentWhileItIsNotReadFrom(t *testing.T) {
	config := Config{PingInterval: 10 * time.Second, PongTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second}
	for name, handle := range map[string]func(c *Conn, wait func()){
		"a long callback": func(_ *Conn, wait func()) { wait() },
		"a pause": func(c *Conn, wait func()) {
			c.Pause()
			wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := 0
			c, stream := newFakeConn(t, config, script{message: func(c *Conn, _ Op, _ []byte) {
				if got++; got == 1 {
					handle(c, func() {
						for range c.hub.ticks(time.Minute) {
							c.hub.advance(nil)
						}
					})
				}
			}})
			c.hub.wheel.after(c, 1)
			stream.in = frame(ws.OpText, true, []byte("first"))
			c.schedule(flagRead)
			stream.serveAll(c)
			for range c.hub.ticks(time.Minute) {
				if c.paused {
					c.hub.advance(nil)
					stream.serveAll(c)
				}
			}
			stream.in = frame(ws.OpText, true, []byte("second"))
			c.Resume()
			c.schedule(flagRead)
			stream.serveAll(c)
			if got != 2 || c.phase != phaseOpen {
				t.Errorf("expected two messages of an open connection, found %d and phase %d", got, c.phase)
			}
		})
	}
}

// The peer sent the ping before the message was queued.
func TestAPingAfterALongMessageMakesNoSlowReader(t *testing.T) {
	c, stream := newFakeConn(t, Config{MaxQueue: 64}, script{message: func(c *Conn, _ Op, _ []byte) {
		c.Send(Binary, make([]byte, 200))
		c.queueControl(ws.OpPong, []byte("for a ping that was just being handled"))
	}})
	stream.in = frame(ws.OpText, true, []byte("speak"))
	c.schedule(flagRead)
	stream.serveAll(c)
	if n := c.hub.Stats().Slow; n != 0 || c.phase != phaseOpen {
		t.Errorf("expected no slow reader, found %d and phase %d", n, c.phase)
	}
}

// Under TLS the end is an alert, for which the last message may have left no
// room.
func TestClosingTheWriteSideWaitsForRoom(t *testing.T) {
	c, stream := newFakeConn(t, Config{}, script{})
	stream.in = frame(ws.OpClose, true, closePayload(CodeNormal))
	stream.full = true
	c.schedule(flagRead)
	stream.serveAll(c)
	if c.phase != phaseClosing || c.flags.Load()&flagBlocked == 0 {
		t.Fatalf("expected the end to wait for room, found phase %d and flags %b", c.phase, c.flags.Load())
	}
	stream.full = false
	c.schedule(flagFlush)
	stream.serveAll(c)
	if c.phase != phaseDraining {
		t.Errorf("expected a closed write side, found phase %d", c.phase)
	}
}

// The client's own close frame was not read any more.
func TestAHalfClosedClientGetsTheEndOfItsUpstream(t *testing.T) {
	conns, streams := newFakeRelay(t)
	streams[0].blocked = true
	streams[1].in, streams[1].ended = ws.MustCompileFrame(ws.NewCloseFrame(closePayload(4001))), true
	conns[1].schedule(flagRead | flagHangup)
	streams[1].serveAll(conns[1])
	streams[0].in, streams[0].ended = frame(ws.OpClose, true, closePayload(4000)), true
	conns[0].schedule(flagRead | flagHangup)
	streams[0].serveAll(conns[0])
	streams[0].blocked = false
	conns[0].schedule(flagFlush)
	streams[0].serveAll(conns[0])
	if want := ws.MustCompileFrame(ws.NewCloseFrame(closePayload(4001))); !bytes.Equal(streams[0].out, want) || conns[0].phase != phaseClosed {
		t.Errorf("expected the upstream's close frame and the end, found %q and phase %d", streams[0].out, conns[0].phase)
	}
}

// It may be closed without a further write.
func TestAClosedSideBlocksNoOther(t *testing.T) {
	conns, streams := newFakeRelay(t)
	read := func(side int, b []byte) {
		streams[side].in = b
		conns[side].schedule(flagRead)
		streams[side].serveAll(conns[side])
	}
	streams[0].blocked = true
	for range 2 {
		read(1, ws.MustCompileFrame(ws.NewBinaryFrame(make([]byte, 100))))
	}
	read(0, []byte{0x83, 0x80, 0, 0, 0, 0})
	streams[1].serveAll(conns[1])
	if len(streams[1].in) == 0 || conns[1].phase != phaseClosing {
		t.Fatal("expected the upstream to be closing and to wait for the client")
	}
	_ = conns[0].Close(CodeGoingAway, "")
	conns[0].schedule(flagAbort)
	streams[0].serveAll(conns[0])
	streams[1].serveAll(conns[1])
	if len(streams[1].in) > 0 {
		t.Error("expected reads from the upstream to resume")
	}
}
