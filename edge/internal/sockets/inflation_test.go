package sockets

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/gobwas/ws"
)

// Small frames that inflate to large messages use no more memory than the hub
// allows, and one tenant's at most half of it.
func TestInflatedMessagesAreBoundedTogether_E5(t *testing.T) {
	const mebi = 1 << 20
	eachKind(t, func(t *testing.T, w connKind) {
		hold := make(chan struct{})
		held := make(chan string, 16)
		var peak atomic.Int64
		world := newWorld(t, w, Config{Compression: CompressionPerMessage, MaxMessage: mebi, MaxInflated: 8 * mebi, CompressAbove: 1 << 30}, Options{})
		world.serve = func(rw http.ResponseWriter, r *http.Request) {
			o := world.options
			o.Tenant = r.Header.Get("Tenant")
			o.Handler = script{message: func(c *Conn, op Op, payload []byte) {
				for now := world.hub.Stats().Inflated; ; {
					if old := peak.Load(); now <= old || peak.CompareAndSwap(old, now) {
						break
					}
				}
				held <- o.Tenant
				<-hold
				c.Send(op, payload[:1])
			}}
			world.hub.Accept(rw, r, o)
		}
		big := compressed(make([]byte, mebi))
		send := func(tenant string) *client {
			c := world.dial(t, http.Header{"Tenant": {tenant}, "Sec-WebSocket-Extensions": {"permessage-deflate"}})
			c.sendCompressed(t, big)
			return c
		}
		var served, closed, waiting []*client
		var answers []chan ws.Frame
		for range 12 { // each is charged a little more than 1 MiB, and half as much again while it grows
			c := send("greedy")
			rejected := make(chan ws.Frame, 1)
			if len(served) >= 2 { // only then it may be rejected
				go func() {
					if f, err := c.next(); err == nil {
						rejected <- f
					}
				}()
			}
			select {
			case <-held:
				if len(served) >= 2 {
					answers = append(answers, rejected)
				} else {
					waiting = append(waiting, c)
				}
				served = append(served, c)
			case f := <-rejected:
				if code, _, _ := parseClose(f.Payload); f.Header.OpCode != ws.OpClose || code != CodeTryLater {
					t.Fatalf("expected to be closed with 1013, found %v %x", f.Header.OpCode, f.Payload)
				}
				closed = append(closed, c)
			}
		}
		if len(served) < 2 || len(served) > 4 || len(closed) != 12-len(served) {
			t.Errorf("%d messages of 1 MiB are handled concurrently and %d rejected: expected 2 to 4 within the 4 MiB of a tenant", len(served), len(closed))
		}
		other := send("modest")
		if tenant := <-held; tenant != "modest" {
			t.Errorf("a message of %s is handled, expected the other tenant's", tenant)
		}
		close(hold)
		for _, c := range append(waiting, other) {
			if f, err := c.next(); err != nil || len(f.Payload) != 1 {
				t.Errorf("received %d bytes, %v: expected the reply", len(f.Payload), err)
			}
		}
		for _, a := range answers {
			if f := <-a; len(f.Payload) != 1 {
				t.Errorf("received %d bytes: expected the reply", len(f.Payload))
			}
		}
		if most := peak.Load(); most > 8*mebi || most < 2*mebi {
			t.Errorf("%d bytes were charged concurrently: expected at most 8 MiB and the handled messages", most)
		}
		eventually(t, "no inflated bytes are charged", func() bool { return world.hub.Stats().Inflated == 0 })
		if n := world.hub.Stats().Overinflated; n != uint64(len(closed)) {
			t.Errorf("%d connections are counted, expected %d", n, len(closed))
		}
	})
}

// The charge for a message ends with its handler, even if the peer has begun
// the next frame.
func TestAnInflatedMessageIsNotKeptForTheNextFrame_E5(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		world := newWorld(t, w, Config{Compression: CompressionPerMessage}, Options{Handler: script{message: func(c *Conn, op Op, payload []byte) { c.Send(op, payload[:1]) }}})
		c := world.dial(t, http.Header{"Sec-WebSocket-Extensions": {"permessage-deflate"}})
		c.sendCompressed(t, compressed(make([]byte, 1<<20)))
		if _, err := c.Write([]byte{0x82}); err != nil { // the first byte of another frame
			t.Fatal(err)
		}
		if _, err := c.next(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "no inflated bytes are charged", func() bool { return world.hub.Stats().Inflated == 0 })
	})
}

// sendCompressed sends a compressed payload.
func (c *client) sendCompressed(t *testing.T, body []byte) {
	t.Helper()
	first := frame(ws.OpBinary, true, body)
	first[0] |= 0x40
	if _, err := c.Write(first); err != nil {
		t.Fatal(err)
	}
}

func compressed(p []byte) []byte {
	d := getDeflater(maxWindowBits)
	defer d.release()
	return append([]byte(nil), d.compress(p, nil)...)
}
