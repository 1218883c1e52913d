package sockets

import (
	"bytes"
	"errors"

	"github.com/gobwas/ws"
)

// stream is the transport of a connection. One goroutine at a time reads, and one
// at a time writes.
type stream interface {
	// read reads. If it does not block, it returns errWouldBlock without data.
	read(p []byte) (int, error)
	// write writes the buffers in order. It may write a part of them, and return
	// errWouldBlock.
	write(bufs [][]byte) (int, error)
	// closeWrite closes the write side. It returns false while the kernel has no
	// room; then it must be called again.
	closeWrite() bool
	close()
	// wake sets a flag and schedules the connection to be served.
	wake(c *Conn, flag uint32)
	// more reports whether there may be input after a read that did not fill its
	// buffer.
	more() bool
	isPolled() bool
}

// startable is a polled stream. start registers it with the poller.
type startable interface {
	stream
	start(c *Conn)
}

var errWouldBlock = errors.New("sockets: would block")

// rounds bounds the reads from a connection before others are served.
const rounds = 16

// schedule sets a flag and schedules the connection to be served.
func (c *Conn) schedule(flag uint32) {
	c.stream.wake(c, flag)
}

// serve handles the flags of a polled connection.
func (c *Conn) serve(buffer []byte) {
	for {
		f := c.flags.And(flagsSteady) &^ flagsSteady
		if f == 0 {
			if c.unschedule() {
				return
			}
			continue
		}
		if c.phase != phaseClosed && c.step(f, buffer) {
			c.flags.Or(flagRead)
			c.hub.workers.push(c) // keeps flagScheduled
			return
		}
	}
}

// unschedule clears flagScheduled and reports true, unless a task flag is set.
func (c *Conn) unschedule() bool {
	for {
		f := c.flags.Load()
		if f&^flagsSteady != 0 {
			return false
		}
		if c.flags.CompareAndSwap(f, f&^flagScheduled) {
			return true
		}
	}
}

// step handles flags, and reports whether there may be more to read.
func (c *Conn) step(f uint32, buffer []byte) (again bool) {
	if f&flagAbort != 0 {
		c.terminate(CodeAbnormal, "")
		return false
	}
	if f&flagTimer != 0 {
		c.timer()
	}
	if f&flagHangup != 0 {
		c.hangup = max(c.hangup, hangupReported)
	}
	c.noWait = c.noWait || f&flagNoWait != 0
	if f&(flagRead|flagHangup) != 0 {
		again = c.readable(buffer)
	}
	return c.advance() || again
}

// readable reads and handles input. It reports whether there may be more.
func (c *Conn) readable(buffer []byte) (again bool) {
	for range rounds {
		if !c.readyToRead() {
			return false
		}
		n, err := c.stream.read(buffer)
		if n > 0 {
			c.receive(buffer[:n])
			c.flush()
			if c.isRelay {
				c.flushOther(buffer)
			}
		}
		switch {
		case err == errWouldBlock:
			return false
		case err == nil && n == 0 && c.acceptHalfClose():
			return false
		case err != nil || n == 0:
			c.terminate(CodeAbnormal, "")
			return false
		case n < len(buffer) && !c.hasEarly() && c.hangup == hangupNone && !c.stream.more():
			return false
		}
	}
	return true
}

// acceptHalfClose reports whether the end of the peer's input closes only the
// peer's write side: after a close frame of a client, or if its input is ignored.
// Then the rest of the queue is still written. An upstream's end closes the
// connection, since an upstream that has closed reads nothing more.
func (c *Conn) acceptHalfClose() bool {
	if !c.closeReceived && !c.noWait || c.toUpstream || c.phase >= phaseDraining {
		return false
	}
	c.hangup = hangupRead
	return true
}

// congested reports whether nothing may be read from the peer now. flush or Resume
// schedules the connection again.
func (c *Conn) congested() bool {
	if c.isRelay {
		return c.relayBlocked() // this side's own queue does not matter: the other peer fills it
	}
	return c.queueFull()
}

// queueFull reports whether the connection is paused or more than half of its
// queue is used.
func (c *Conn) queueFull() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.phase == phaseOpen && !c.closing && (c.paused || c.out.size > c.hub.config.MaxQueue/2)
}

// readyToRead handles early input and reports whether more may be read. Another
// goroutine may end the congestion at any time, so new input must not overtake
// early input.
func (c *Conn) readyToRead() bool {
	for !c.congested() {
		if !c.hasEarly() {
			return true
		}
		early := c.parser.early
		c.parser.early = nil
		c.receive(early)
		if c.isRelay {
			c.flushOther(nil)
		}
	}
	return false
}

// hasEarly reports whether there is input that was read but not handled.
func (c *Conn) hasEarly() bool { return c.parser != nil && c.parser.early != nil }

// receive handles input.
func (c *Conn) receive(b []byte) {
	c.receivedAt = c.hub.tick.Load()
	c.pinged = false
	if c.isRelay {
		c.relay(b)
		return
	}
	if c.parser == nil {
		c.parser = parsers.Get().(*parser)
	}
	c.parser.charge.setConn(c)
	for len(b) > 0 && c.phase <= phaseClosing && !c.noWait && !c.closeReceived {
		ev, n, err := c.parser.next(b, &c.hub.rules, c.deflate)
		b = b[n:]
		c.tenant.received(c.parser.taken())
		if err != nil {
			if err == errInflating {
				c.hub.counters.overinflated.Add(1)
			}
			c.fail(err)
			return
		}
		switch ev.op {
		case 0:
		case ws.OpPing:
			c.queueControl(ws.OpPong, ev.payload)
		case ws.OpPong:
		case ws.OpClose:
			c.closedByPeer(ev.payload)
		default:
			c.message(Op(ev.op), ev.payload)
			c.parser.recycle() // the next input may arrive much later
		}
		if len(b) > 0 && c.congested() {
			c.flush()
			c.resetSilence() // the write may have taken long
			if c.congested() {
				c.parser.early = bytes.Clone(b)
				return
			}
		}
	}
	if c.parser.idle() {
		c.parser.release()
		c.parser = nil
	}
}

func (c *Conn) message(op Op, payload []byte) {
	if c.flags.Load()&flagClosing != 0 || c.phase != phaseOpen {
		return // this side is closing: messages are ignored
	}
	c.hub.counters.received.Add(1)
	if !c.tenant.admit(c.hub.now) {
		c.hub.counters.limited.Add(1)
		c.fail(errRate)
		return
	}
	defer c.resetSilence()
	defer c.recoverPanic()
	c.setCalling(true)
	defer c.setCalling(false)
	c.handler.Message(c, op, payload)
}

// resetSilence restarts the timeouts for silent and idle peers, after a time in
// which nothing was read.
func (c *Conn) resetSilence() {
	c.receivedAt = c.hub.tick.Load()
	c.messageAt = c.receivedAt
}

// recoverPanic closes the connection with 1011 if the handler panics.
func (c *Conn) recoverPanic() {
	if p := recover(); p != nil {
		c.hub.logPanic(p)
		c.fail(errPanicked)
	}
}

// fail closes the connection for a violation of the peer, without waiting for its
// close frame.
func (c *Conn) fail(err *failure) {
	c.noWait = true
	c.queueClose(err.code, err.reason, ws.NewCloseFrameBody(ws.StatusCode(err.code), err.reason))
}

func (c *Conn) closedByPeer(payload []byte) {
	code, reason, err := parseClose(payload)
	if err != nil {
		c.fail(err)
		return
	}
	c.closeReceived = true
	body := payload
	if len(body) > 2 {
		body = body[:2]
	}
	c.queueClose(code, reason, body)
}

// advance writes the queue and advances the close handshake. It reports whether the
// connection may be read from again.
func (c *Conn) advance() (again bool) {
	if c.phase == phaseClosed {
		return false
	}
	resumed := c.congested() // unless it is still congested at the end
	if s, ok := c.stream.(*blocking); ok && c.isRelay {
		// A blocked write would delay this goroutine, which has to read its own peer.
		if c.needsWriter() {
			go s.writeOut(c)
		}
	} else {
		c.flush()
	}
	if resumed {
		c.resetSilence()
	}
	c.mu.Lock()
	closing, broken, empty, code, reason := c.closing, c.broken, c.out.size == 0, c.code, c.reason()
	blocked := !empty && !c.backlogged
	c.backlogged = !empty
	c.mu.Unlock()
	if broken {
		c.terminate(CodeAbnormal, "")
		return false
	}
	if closing && c.phase == phaseOpen {
		c.phase = phaseClosing
		c.hub.wheel.after(c, c.hub.ticks(c.hub.config.CloseTimeout))
		c.notifyClosed(code, reason)
		resumed = true // the peer is read from again: its close frame may be among the input
	}
	if c.phase == phaseClosing && empty && (c.noWait || c.closeReceived) && c.closeWriteSide() {
		c.phase = phaseDraining
		if c.hangup == hangupRead {
			c.terminate(CodeAbnormal, "")
			return false
		}
		c.hub.wheel.after(c, c.hub.ticks(c.hub.config.CloseTimeout))
	}
	if blocked && c.phase == phaseOpen {
		c.timer()
	}
	return resumed && !c.congested()
}

// closeWriteSide closes the write side. If the kernel has no room, the poller
// schedules the connection when it has.
func (c *Conn) closeWriteSide() bool {
	if c.stream.closeWrite() {
		return true
	}
	c.flags.Or(flagBlocked) // room since the first call would have gone unnoticed
	return c.stream.closeWrite()
}

// notifyClosed calls the handler's Closed. It is called once.
func (c *Conn) notifyClosed(code Code, reason string) {
	if !c.toUpstream {
		c.hub.counters.closedWith(code)
	}
	defer func() {
		if p := recover(); p != nil {
			c.hub.logPanic(p)
		}
	}()
	c.handler.Closed(c, code, reason)
}

// terminate closes the connection.
func (c *Conn) terminate(code Code, reason string) {
	if c.phase == phaseClosed {
		return
	}
	before := c.phase
	c.phase = phaseClosed
	c.stream.close()
	c.hub.wheel.cancel(c)
	if c.parser != nil {
		c.parser.release()
		c.parser = nil
	}
	c.mu.Lock()
	if c.closing {
		code, reason = c.code, c.reason()
	}
	c.closing, c.broken = true, true
	c.tenant.queued.Add(-int64(c.out.size))
	if !c.writing {
		c.out.clear()
	}
	c.wakeIfWritable()
	c.mu.Unlock()
	if c.isRelay {
		c.releaseRelay() // this side writes nothing more
	}
	if before == phaseOpen {
		c.notifyClosed(code, reason)
	}
	switch {
	case !c.isRelay:
	case c.closeReceived:
		c.other().schedule(flagNoWait)
	default: // also if Closed has left the answer to the peer
		c.handler.(*relayEnd).answerClose()
	}
	c.hub.remove(c)
}

// timer handles a deadline that has passed, and sets the next one.
func (c *Conn) timer() {
	config := &c.hub.config
	if c.phase != phaseOpen {
		if c.hub.wheel.holds(c) {
			return // an earlier deadline passed; closing has set this one meanwhile
		}
		c.hub.counters.timeouts.Add(1)
		c.terminate(CodeAbnormal, "")
		return
	}
	if c.congested() {
		// Only the write timeout applies.
		c.resetSilence()
		c.pinged = false
	}
	now := c.hub.tick.Load()
	c.mu.Lock()
	// progressAt may be later than now.
	waiting, stalled := c.out.size > 0, uint32(max(int32(now-c.progressAt), 0))
	c.mu.Unlock()
	silent := now - c.receivedAt
	ping, pong, write := c.hub.ticks(config.PingInterval), c.hub.ticks(config.PongTimeout), c.hub.ticks(config.WriteTimeout)
	if waiting && stalled >= write || silent >= ping+pong {
		c.hub.counters.timeouts.Add(1)
		c.terminate(CodeAbnormal, "")
		return
	}
	next := ping + pong - silent
	if silent < ping {
		next = ping - silent
	} else if !c.pinged {
		c.pinged = true
		c.queueControl(ws.OpPing, nil)
	}
	if waiting {
		next = min(next, write-stalled)
	}
	if config.IdleTimeout > 0 && !c.toUpstream {
		idle, limit := now-c.messageAt, c.hub.ticks(config.IdleTimeout)
		if idle >= limit {
			c.queueClose(errIdle.code, errIdle.reason, ws.NewCloseFrameBody(ws.StatusCode(errIdle.code), errIdle.reason))
			return
		}
		next = min(next, limit-idle)
	}
	c.hub.wheel.after(c, next)
}

// notifyOpen calls the handler's Open.
func (c *Conn) notifyOpen() {
	defer c.recoverPanic()
	c.handler.Open(c)
}
