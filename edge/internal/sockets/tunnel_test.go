package sockets

import (
	"bytes"
	"io"
	"testing"

	"github.com/gobwas/ws"
)

// FuzzFrames compares the frame tracker with a parser, for any chunks.
func FuzzFrames(f *testing.F) {
	f.Add(append(ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame(make([]byte, 70_000)))), ws.MustCompileFrame(ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, ""))))...), uint8(3))
	f.Add(ws.MustCompileFrame(ws.NewFrame(ws.OpBinary, false, make([]byte, 300))), uint8(200))
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5}, uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, step uint8) {
		var follower frameTracker
		at, ended := 0, 0       // the tracker's position, and the end of its last frame
		data, endedData := 0, 0 // bytes of messages up to there
		for at < len(stream) && !follower.closed {
			n, payload := follower.next(stream[at:min(at+int(step)+1, len(stream))])
			if n < 1 {
				t.Fatalf("consumed %d bytes at %d", n, at)
			}
			data += payload
			if at += n; follower.between() {
				ended, endedData = at, data
			}
		}
		in := bytes.NewReader(stream)
		want, wantData, closed := 0, 0, false
		for !closed {
			h, err := ws.ReadHeader(in)
			if err != nil || h.Length > int64(in.Len()) {
				break
			}
			_, _ = in.Seek(h.Length, io.SeekCurrent)
			want, closed = len(stream)-in.Len(), h.OpCode == ws.OpClose
			if !h.OpCode.IsControl() {
				wantData += int(h.Length)
			}
		}
		if ended != want || follower.closed != closed || endedData != wantData {
			t.Errorf("the last frame ends at %d after %d bytes of messages, closed %v; expected %d, %d, %v", ended, endedData, follower.closed, want, wantData, closed)
		}
	})
}
