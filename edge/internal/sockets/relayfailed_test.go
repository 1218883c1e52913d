package sockets

import (
	"bytes"
	"io"
	"testing"

	"github.com/gobwas/ws"
)

// The reply to its valid message is on the connKind from the upstream when the
// invalid frame arrives.
func TestAClientGetsItsRepliesBeforeTheFailure(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		backend := newWorld(t, w, Config{}, Options{Handler: echo{}})
		world := newRelay(t, w, Config{}, Options{}, backend)
		for range 50 {
			c := world.dial(t, nil)
			c.Write(append(frame(ws.OpText, true, []byte("good")), 0x83, 0x80, 0, 0, 0, 0))
			c.expect(t, ws.OpText, "good")
			c.expectClose(t, CodeProtocol)
			c.Close()
		}
	})
}

// The upstream does not answer, or is lost.
func TestAClientGetsItsFailureWithoutItsUpstream(t *testing.T) {
	for name, upstream := range map[string]func(*client){
		"silent": func(up *client) { io.Copy(io.Discard, up) },
		"lost": func(up *client) {
			for {
				if f, err := up.next(); err != nil || f.Header.OpCode == ws.OpClose {
					return
				}
			}
		},
		"protocol error": func(up *client) {
			for {
				f, err := up.next()
				if err != nil {
					return
				}
				if f.Header.OpCode == ws.OpClose {
					up.Write([]byte{0x83, 0x00})
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, w connKind) {
				world := newRelay(t, w, Config{CloseTimeout: 2 * tickLength, MaxFrame: 1 << 10}, Options{}, scripted(t, w, upstream))
				c := world.dial(t, nil)
				c.Write(frame(ws.OpText, true, bytes.Repeat([]byte("x"), 1<<10+1)))
				c.expectClose(t, CodeTooBig)
			})
		})
	}
}
