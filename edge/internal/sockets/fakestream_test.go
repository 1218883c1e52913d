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
func (s *fakeStream) wake(c *Conn, flag uint32) { c.flags.Or(flag | flagScheduled) }

// newFakeConn returns an open connection that the test serves.
func newFakeConn(t testing.TB, config Config, handler Handler) (*Conn, *fakeStream) {
	t.Helper()
	config.NoPoll = true
	hub, err := newHub(config)
	if err != nil {
		t.Fatal(err)
	}
	hub.workers = &workers{watching: true} // starts no worker
	stream := &fakeStream{}
	c := &Conn{hub: hub, stream: stream, handler: handler}
	hub.join(c, &Options{Tenant: "acme"})
	hub.counters.polled.Add(1)
	return c, stream
}

// serveAll serves a connection until no task flag is set, in place of a worker. The
// other side of a relay does not serve it meanwhile.
func (s *fakeStream) serveAll(c *Conn) {
	var buffer [1 << 10]byte
	c.flags.Or(flagScheduled)
	defer c.flags.And(^uint32(flagScheduled))
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

// relayEvent is an event on one side of a relay.
type relayEvent struct {
	name string
	side int
	do   func(c *Conn, s *fakeStream)
}

// relayEvents returns the events of both sides.
func relayEvents() (events []relayEvent) {
	wire := func(side int, f ws.Frame) []byte {
		if side == 0 {
			f = ws.MaskFrame(f)
		}
		return ws.MustCompileFrame(f)
	}
	for side, peer := range []string{"client", "upstream"} {
		input := func(name string, b []byte) {
			events = append(events, relayEvent{peer + " " + name, side, func(c *Conn, s *fakeStream) {
				if !s.ended {
					s.in = append(s.in, b...)
					c.schedule(flagRead)
				}
			}})
		}
		does := func(name string, do func(c *Conn, s *fakeStream)) {
			events = append(events, relayEvent{peer + " " + name, side, do})
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
	return append(events,
		relayEvent{"tenant is closed", 0, func(c *Conn, _ *fakeStream) { _ = c.Close(CodePolicy, "") }},
		relayEvent{"client is dropped", 0, func(c *Conn, _ *fakeStream) { c.schedule(flagAbort) }})
}

// TestBothSidesOfARelayEndInAnyOrder runs all orders of events on the two
// sides, with each side served early or late.
func TestBothSidesOfARelayEndInAnyOrder(t *testing.T) {
	events := relayEvents()
	depth := 4
	if testing.Short() || raced {
		depth = 3
	}
	path := make([]int, depth)
	for {
		order := make([]relayEvent, depth)
		for i, at := range path {
			order[i] = events[at]
		}
		runRelayEvents(t, order)
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

// runRelayEvents runs events on a new relay, checks its state, and then closes it.
func runRelayEvents(t *testing.T, events []relayEvent) {
	conns, streams := newFakeRelay(t)
	names := make([]string, len(events))
	for i, e := range events {
		names[i] = e.name
		e.do(conns[e.side], streams[e.side])
	}
	settle := func() {
		for range 4 {
			for side := range conns {
				streams[side].serveAll(conns[side])
			}
		}
	}
	settle()
	for side := range conns {
		if problem := relayProblem(conns[side], conns[1-side], streams[side]); problem != "" {
			t.Fatalf("%q: side %d %s", names, side, problem)
		}
	}
	// Both read their queue and close.
	for side, c := range conns {
		streams[side].blocked = false
		c.schedule(flagFlush)
	}
	settle()
	for side, c := range conns {
		streams[side].ended = true
		c.schedule(flagRead | flagHangup)
	}
	settle()
	for _, c := range conns {
		for c.phase != phaseClosed && c.deadline.set {
			c.hub.advance(nil)
			settle()
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
}

// relayProblem returns the invariant that c violates, a side of a relay whose other
// side is o, or an empty string.
func relayProblem(c, o *Conn, s *fakeStream) string {
	if c.phase != phaseClosed && !c.congested() && len(s.in) > 0 {
		return "is not read from and not scheduled"
	}
	switch {
	case c.phase == phaseClosed:
		if o.phase == phaseOpen {
			return "is closed, and the other side is not closing"
		}
	case c.phase != phaseOpen && !c.deadline.set:
		return "is closing, and has no deadline"
	case (c.closeReceived || c.noWait) && c.phase == phaseOpen && o.phase == phaseOpen:
		return "is never closed"
	}
	return ""
}
