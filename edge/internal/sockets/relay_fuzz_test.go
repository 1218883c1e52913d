package sockets

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// sinkStream is a stream without input that discards output.
type sinkStream struct{}

func (sinkStream) read([]byte) (int, error)    { return 0, errWouldBlock }
func (sinkStream) write([][]byte) (int, error) { return 0, errWouldBlock }
func (sinkStream) closeWrite() bool            { return true }
func (sinkStream) close()                      {}
func (sinkStream) wake(*Conn, uint32)          {}
func (sinkStream) more() bool                  { return false }
func (sinkStream) isPolled() bool              { return true }

// relayed relays a client's stream, in chunks of the given sizes, and returns
// the output to the upstream.
func relayed(stream, sizes []byte, compressed bool) []byte {
	config := Config{MaxFrame: 1 << 16, MaxMessage: 1 << 17, MaxQueue: 1 << 30}
	_ = config.validate() // it is valid
	hub := &Hub{config: config, rules: rules{config.MaxFrame, config.MaxMessage}, now: time.Now}
	common := &tenant{}
	u := &Conn{hub: hub, tenant: common, stream: sinkStream{}, isRelay: true, toUpstream: true}
	c := &Conn{hub: hub, tenant: common, stream: sinkStream{}, isRelay: true}
	c.handler = &relayEnd{other: u, masked: true, compressed: compressed}
	u.handler = &relayEnd{other: c, compressed: compressed}
	for i := 0; len(stream) > 0; i++ {
		n := len(stream)
		if len(sizes) > 0 {
			n = min(n, int(sizes[i%len(sizes)])+1)
		}
		c.relay(bytes.Clone(stream[:n]))
		stream = stream[n:]
	}
	return bytes.Join(u.out.head(make([][]byte, 0, 1<<16)), nil)
}

// FuzzRelay checks that a relay changes no message: for any input in any
// chunks, the upstream gets the messages that a handler would get, up to the
// first violation.
func FuzzRelay(f *testing.F) {
	hello := frame(ws.OpText, true, []byte("Grüße"))
	f.Add(hello, []byte{0}, false)
	f.Add(bytes.Join([][]byte{
		frame(ws.OpText, false, []byte("Gr\xc3")), frame(ws.OpPing, true, []byte("?")), frame(ws.OpContinuation, true, []byte("\xbc\xc3\x9fe")), hello,
		frame(ws.OpBinary, true, nil), frame(ws.OpClose, true, closePayload(CodeNormal)), hello,
	}, nil), []byte{2, 0, 5}, false)
	f.Add(frame(ws.OpBinary, true, make([]byte, 300)), []byte{100}, false)
	compressedFrame := frame(ws.OpText, true, []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"))
	compressedFrame[0] |= 0x40
	f.Add(append(compressedFrame, compressedFrame...), []byte{1}, true)
	f.Fuzz(func(t *testing.T, stream, sizes []byte, compressed bool) {
		want := messages(stream, compressed)
		for _, sizes := range [][]byte{nil, sizes, {0}} {
			if got := messages(relayed(stream, sizes, compressed), compressed); !slices.Equal(got, want) {
				t.Fatalf("expected the messages %.300q, found %.300q", want, got)
			}
		}
	})
}

// messages returns the messages of a stream, up to a close frame.
func messages(stream []byte, compressed bool) []string {
	events, _ := parsed(stream, nil, compressed)
	var all []string
	for _, e := range events {
		switch {
		case strings.HasPrefix(e, "8 "):
			return all
		case strings.HasPrefix(e, "1 "), strings.HasPrefix(e, "2 "):
			all = append(all, e)
		}
	}
	return all
}
