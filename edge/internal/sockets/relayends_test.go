package sockets

import (
	"io"
	"net/http"
	"testing"

	"github.com/gobwas/ws"
)

// scripted is an upstream that is a function.
func scripted(t *testing.T, w connKind, run func(up *client)) *world {
	t.Helper()
	world := newWorld(t, w, Config{}, Options{})
	world.serve = func(rw http.ResponseWriter, r *http.Request) {
		conn, rest, _, err := ws.UpgradeHTTP(r, rw)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		run(&client{conn, rest.Reader})
	}
	return world
}

// An upstream that writes everything before it reads gets the messages that the
// client sent meanwhile.
func TestARelaysDirectionsDoNotWaitForEachOther(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		const messages, size = 256, 64 << 10 // more than the kernel buffers
		backend := scripted(t, w, func(up *client) {
			for range messages {
				if err := ws.WriteFrame(up, ws.NewBinaryFrame(make([]byte, size))); err != nil {
					t.Error(err)
					return
				}
			}
			for got := 0; got < messages*size; {
				f, err := up.next()
				if err != nil {
					t.Errorf("the upstream, after %d bytes: %v", got, err)
					return
				}
				got += len(f.Payload)
			}
			ws.WriteFrame(up, ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")))
			io.Copy(io.Discard, up)
		})
		c := newRelay(t, w, Config{}, Options{}, backend).dial(t, nil)
		go func() {
			message := frame(ws.OpBinary, true, make([]byte, size))
			for range messages {
				c.Write(message)
			}
		}()
		c.expectClose(t, CodeNormal)
	})
}

// The client has closed by then.
func TestAClientsLastMessagesReachTheUpstream(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		const size = 1 << 20
		proceed := make(chan struct{})
		ended := make(chan Code, 1)
		backend := scripted(t, w, func(up *client) {
			<-proceed
			got := 0
			for {
				f, err := up.next()
				switch {
				case err != nil:
					t.Errorf("expected all messages of the client, found %v after %d bytes", err, got)
					ended <- CodeAbnormal
					return
				case f.Header.OpCode == ws.OpClose:
					code, _, _ := parseClose(ws.UnmaskFrame(f).Payload)
					if got != size {
						t.Errorf("expected %d bytes before the end, found %d", size, got)
					}
					ended <- code
					return
				}
				got += len(f.Payload)
			}
		})
		world := newRelay(t, w, Config{}, Options{}, backend)
		for range 20 {
			c := world.dial(t, nil)
			c.Write(append(frame(ws.OpBinary, true, make([]byte, size)), frame(ws.OpClose, true, closePayload(4001))...))
			c.Close()
			proceed <- struct{}{}
			if code := <-ended; code != 4001 {
				t.Fatalf("expected the client's code 4001, found %d", code)
			}
		}
	})
}
