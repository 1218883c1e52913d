package sockets

import (
	"errors"
	"testing"

	"github.com/gobwas/ws"
)

// fakeStream is a stream whose peer is the test. The test serves the connection
// too, so nothing happens concurrently.
type fakeStream struct {
	in      []byte
	ended   bool // the peer closed its write side
	blocked bool // the kernel has no room
	full    bool // the kernel has no room for the end
	failing bool // writing fails
	out     []byte
}

func (s *fakeStream) read(p []byte) (int, error) {
	switch n := copy(p, s.in); {
	case n > 0:
		s.in = s.in[n:]
		return n, nil
	case s.ended:
		return 0, nil
	}
	return 0, errWouldBlock
}

func (s *fakeStream) write(bufs [][]byte) (n int, err error) {
	switch {
	case s.failing:
		return 0, errors.New("the peer has closed")
	case s.blocked:
		return 0, errWouldBlock
	}
	for _, b := range bufs {
		s.out = append(s.out, b...)
		n += len(b)
	}
	return n, nil
}

func (s *fakeStream) closeWrite() bool          { return !s.full }
func (s *fakeStream) close()                    {}
func (s *fakeStream) more() bool                { return false }
func (s *fakeStream) isPolled() bool            { return true }
func (s *fakeStream) wake(c *Conn, flag uint32) { c.flags.Or(flag) }

// newFakeConn returns an open connection that the test serves.
func newFakeConn(t testing.TB, config Config, handler Handler) (*Conn, *fakeStream) {
	t.Helper()
	config.NoPoll = true
	hub, err := newHub(config)
	if err != nil {
		t.Fatal(err)
	}
	stream := &fakeStream{}
	c := &Conn{hub: hub, stream: stream, handler: handler}
	hub.join(c, &Options{Tenant: "acme"})
	hub.counters.polled.Add(1)
	return c, stream
}

// serveAll serves a connection until no task flag is set.
func (s *fakeStream) serveAll(c *Conn) {
	var buffer [1 << 10]byte
	for f := c.flags.And(flagsSteady) &^ flagsSteady; f != 0; f = c.flags.And(flagsSteady) &^ flagsSteady {
		if c.phase != phaseClosed && c.step(f, buffer[:]) {
			c.flags.Or(flagRead)
		}
	}
}

// newFakeRelay returns a relay that the test serves.
func newFakeRelay(t testing.TB) (conns [2]*Conn, streams [2]*fakeStream) {
	t.Helper()
	c, client := newFakeConn(t, Config{MaxQueue: 64}, nil)
	up := &fakeStream{}
	u := &Conn{hub: c.hub, tenant: c.tenant, stream: up, isRelay: true, toUpstream: true}
	c.hub.open.Add(1)
	c.hub.counters.upstreams.Add(1)
	c.hub.counters.polled.Add(1)
	c.isRelay = true
	c.handler = &relayEnd{other: u, masked: true}
	u.handler = &relayEnd{other: c}
	return [2]*Conn{c, u}, [2]*fakeStream{client, up}
}

// TestBothSidesOfARelayEndInAnyOrder runs all orders of events on the two
// sides, with each side served early or late.
func TestBothSidesOfARelayEndInAnyOrder(t *testing.T) {
	type event struct {
		name string
		side int
		do   func(c *Conn, s *fakeStream)
	}
	wire := func(side int, f ws.Frame) []byte {
		if side == 0 {
			f = ws.MaskFrame(f)
		}
		return ws.MustCompileFrame(f)
	}
	var events []event
	for side, who := range []string{"client", "upstream"} {
		input := func(name string, b []byte) {
			events = append(events, event{who + " " + name, side, func(c *Conn, s *fakeStream) {
				if !s.ended {
					s.in = append(s.in, b...)
					c.schedule(flagRead)
				}
			}})
		}
		does := func(name string, do func(c *Conn, s *fakeStream)) {
			events = append(events, event{who + " " + name, side, do})
		}
		input("sends a message", wire(side, ws.NewBinaryFrame(make([]byte, 60))))
		input("sends a close frame", wire(side, ws.NewCloseFrame(closePayload(Code(4000+side)))))
		input("violates the protocol", []byte{0x83, 0, 0, 0, 0, 0})
		does("ends", func(c *Conn, s *fakeStream) {
			s.ended = true
			c.schedule(flagRead | flagHangup)
		})
		does("is closed", func(c *Conn, s *fakeStream) {
			s.ended, s.failing = true, true
			c.schedule(flagRead | flagHangup)
		})
		does("reads nothing", func(_ *Conn, s *fakeStream) { s.blocked = true })
		does("is served", func(c *Conn, s *fakeStream) { s.serveAll(c) })
	}
	events = append(events,
		event{"tenant is closed", 0, func(c *Conn, _ *fakeStream) { _ = c.Close(CodePolicy, "") }},
		event{"client is dropped", 0, func(c *Conn, _ *fakeStream) { c.schedule(flagAbort) }})
	depth := 4
	if testing.Short() || raced {
		depth = 3
	}
	path := make([]int, depth)
	for {
		conns, streams := newFakeRelay(t)
		names := make([]string, depth)
		for i, at := range path {
			e := events[at]
			names[i] = e.name
			e.do(conns[e.side], streams[e.side])
		}
		settled := func() {
			for range 4 {
				for side := range conns {
					streams[side].serveAll(conns[side])
				}
			}
		}
		settled()
		for side, c := range conns {
			o := conns[1-side]
			if c.phase != phaseClosed && !c.congested() && len(streams[side].in) > 0 {
				t.Fatalf("%q: side %d is not read from and not scheduled", names, side)
			}
			switch {
			case c.phase == phaseClosed:
				if o.phase == phaseOpen {
					t.Fatalf("%q: side %d is closed, and the other side is not closing", names, side)
				}
			case c.phase != phaseOpen && !c.deadline.set:
				t.Fatalf("%q: side %d is closing, and has no deadline", names, side)
			case (c.closeReceived || c.noWait) && c.phase == phaseOpen && o.phase == phaseOpen:
				t.Fatalf("%q: side %d is never closed", names, side)
			}
		}
		// Both read their queue and close.
		for side, c := range conns {
			streams[side].blocked = false
			c.schedule(flagFlush)
		}
		settled()
		for side, c := range conns {
			streams[side].ended = true
			c.schedule(flagRead | flagHangup)
		}
		settled()
		for _, c := range conns {
			for c.phase != phaseClosed && c.deadline.set {
				c.hub.advance(nil)
				settled()
			}
		}
		hub := conns[0].hub
		stats := hub.Stats()
		var closed uint64
		for _, n := range stats.Closed {
			closed += n
		}
		if closed != 1 || stats.Polled != 0 || stats.Upstreams != 0 || stats.Tenants != 0 || conns[0].tenant.queued.Load() != 0 {
			t.Fatalf("%q: expected no connections and no queued bytes, found %+v and %d bytes", names, stats, conns[0].tenant.queued.Load())
		}
		hub.open.Wait()
		at := depth - 1
		for at >= 0 && path[at] == len(events)-1 {
			path[at] = 0
			at--
		}
		if at < 0 {
			return
		}
		path[at]++
	}
}
