package sockets

import (
	"bytes"
	"errors"

	"github.com/gobwas/ws"
)

// stream is how bytes come and go. One goroutine at a time reads, and one at a
// time writes.
type stream interface {
	// read returns errWouldBlock, if it does not wait, when nothing is there.
	read(p []byte) (int, error)
	// write writes the buffers one after the other. It may do a part and
	// return errWouldBlock.
	write(bufs [][]byte) (int, error)
	// closeWrite tells the peer that nothing more will come. It is false, and to
	// be called again, while the kernel does not take that.
	closeWrite() bool
	close()
	// wake has the connection served, after a flag was set.
	wake(c *Conn, flag uint32)
	// more reports whether a read that was not filled may have left something.
	more() bool
	isPolled() bool
}

// startable is a polled stream: start has the poller look after it.
type startable interface {
	stream
	start(c *Conn)
}

var errWouldBlock = errors.New("sockets: would block")

// rounds is how often a connection is read from before others have a turn.
const rounds = 16

// schedule has the connection served for a reason.
func (c *Conn) schedule(flag uint32) {
	c.stream.wake(c, flag)
}

// serve does what there is to do for a polled connection.
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
			c.hub.workers.push(c) // still scheduled: to the end of the queue
			return
		}
	}
}

// rest ends serving unless there is something to do again.
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

// step handles the flags, and reports whether there is more to read.
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

// readable reads and handles what is there. It reports whether there may be more.
func (c *Conn) readable(buffer []byte) (again bool) {
	for range rounds {
		if !c.readyToRead() {
			return false
		}
		n, err := c.stream.read(buffer)
		if n > 0 {
			c.receive(buffer[:n])
			c.flush()
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

// halved tells, when the peer's end was read, whether it has only ended its side:
// behind its close frame a client may, and where it is not listened to any more,
// and gets what is still to be said to it. An upstream that does so has failed
// the client, and waits for nothing more.
func (c *Conn) acceptHalfClose() bool {
	if !c.closeReceived && !c.noWait || c.toUpstream || c.phase >= phaseDraining {
		return false
	}
	c.hangup = hangupRead
	return true
}

// congested reports whether the peer is not to be listened to for now. flush, or
// Resume, has it served again.
func (c *Conn) congested() bool {
	if c.isRelay {
		return c.relayBlocked() // what waits for the peer itself is the other side's, which is not its fault
	}
	return c.queueFull()
}

// full reports whether the peer is to read before it is listened to.
func (c *Conn) queueFull() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.phase == phaseOpen && !c.closing && (c.paused || c.out.size > c.hub.config.MaxQueue/2)
}

// listens handles what has been read already, and reports whether more is to be
// read. Congestion may end at any time, by another goroutine: what is read next
// must not overtake what waits.
func (c *Conn) readyToRead() bool {
	for !c.congested() {
		if !c.hasEarly() {
			return true
		}
		early := c.parser.early
		c.parser.early = nil
		c.receive(early)
	}
	return false
}

// waits reports whether something has been read that was not handled.
func (c *Conn) hasEarly() bool { return c.parser != nil && c.parser.early != nil }

// receive handles bytes of the peer.
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
			c.parser.recycle() // more of the peer may be long in coming
		}
		if len(b) > 0 && c.congested() {
			c.flush()
			c.resetSilence() // writing may have taken its time
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
		return // closed from here: what the peer said meanwhile is not heard
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

// excused is for the end of a time in which the peer was not listened to:
// neither silence nor idleness is held against it.
func (c *Conn) resetSilence() {
	c.receivedAt = c.hub.tick.Load()
	c.messageAt = c.receivedAt
}

// recovered turns a handler's panic into 1011: it is one connection's, not the
// process's.
func (c *Conn) recoverPanic() {
	if p := recover(); p != nil {
		c.hub.logPanic(p)
		c.fail(errPanicked)
	}
}

// fail ends the connection for something the peer did wrong; it is told, and
// not waited for.
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

// settle writes what waits, and goes on with closing. It reports whether reading
// is to go on at once.
func (c *Conn) advance() (again bool) {
	if c.phase == phaseClosed {
		return false
	}
	was := c.congested()
	if s, ok := c.stream.(*blocking); ok && c.isRelay {
		// Its goroutine would wait for this peer to read, and has the other side's to read itself.
		if c.needsWriter() {
			go s.writeOut(c)
		}
	} else {
		c.flush()
	}
	if was {
		c.resetSilence()
	}
	c.mu.Lock()
	sealed, broken, empty, code, reason := c.closing, c.broken, c.out.size == 0, c.code, c.reason()
	stuck := !empty && !c.backlogged
	c.backlogged = !empty
	c.mu.Unlock()
	if broken {
		c.terminate(CodeAbnormal, "")
		return false
	}
	if sealed && c.phase == phaseOpen {
		c.phase = phaseClosing
		c.hub.wheel.after(c, c.hub.ticks(c.hub.config.CloseTimeout))
		c.notifyClosed(code, reason)
		was = true // nothing holds the peer back any more: its end may be among what waits
	}
	if c.phase == phaseClosing && empty && (c.noWait || c.closeReceived) && c.closeWriteSide() {
		c.phase = phaseDraining
		if c.hangup == hangupRead {
			c.terminate(CodeAbnormal, "")
			return false
		}
		c.hub.wheel.after(c, c.hub.ticks(c.hub.config.CloseTimeout))
	}
	if stuck && c.phase == phaseOpen {
		c.timer()
	}
	return was && !c.congested()
}

// saidAll tells the peer that nothing more will come; if that does not go out
// now, the loop tells when it may.
func (c *Conn) closeWriteSide() bool {
	if c.stream.closeWrite() {
		return true
	}
	c.flags.Or(flagBlocked) // there may be room just now
	return c.stream.closeWrite()
}

// closed tells the handler, once.
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

// gone ends the connection for good.
func (c *Conn) terminate(code Code, reason string) {
	if c.phase == phaseClosed {
		return
	}
	was := c.phase
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
		c.releaseRelay() // it will not write again
	}
	if was == phaseOpen {
		c.notifyClosed(code, reason)
	}
	switch {
	case !c.isRelay:
	case c.closeReceived:
		c.other().schedule(flagNoWait)
	default: // also where Closed took it that there would be an answer
		c.handler.(*relayEnd).answerClose()
	}
	c.hub.remove(c)
}

// timer handles deadlines that have passed, and sets the next.
func (c *Conn) timer() {
	config := &c.hub.config
	if c.phase != phaseOpen {
		if c.hub.wheel.holds(c) {
			return // it was the deadline of before that passed, just when closing set this one
		}
		c.hub.counters.timeouts.Add(1)
		c.terminate(CodeAbnormal, "")
		return
	}
	if c.congested() {
		// Whether it reads, the write's deadline tells.
		c.resetSilence()
		c.pinged = false
	}
	now := c.hub.tick.Load()
	c.mu.Lock()
	// Whoever sent just now may have seen a later tick.
	stuck, still := c.out.size > 0, uint32(max(int32(now-c.progressAt), 0))
	c.mu.Unlock()
	silent := now - c.receivedAt
	ping, pong, write := c.hub.ticks(config.PingInterval), c.hub.ticks(config.PongTimeout), c.hub.ticks(config.WriteTimeout)
	if stuck && still >= write || silent >= ping+pong {
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
	if stuck {
		next = min(next, write-still)
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

// opened shows the connection to its handler.
func (c *Conn) notifyOpen() {
	defer c.recoverPanic()
	c.handler.Open(c)
}
