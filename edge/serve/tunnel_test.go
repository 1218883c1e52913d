package serve

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// rawApp is an application that accepts websockets and passes their connections to
// the test.
func rawApp(opened chan<- net.Conn) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		c, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Tenant: %s\r\n\r\n", r.Header.Get("Tenant"))
		opened <- c
	}
}

// openTunnel opens a websocket that passes through, and returns both ends.
func openTunnel(t *testing.T) (w *world, client net.Conn, fromApp io.Reader, app net.Conn) {
	t.Helper()
	opened := make(chan net.Conn, 1)
	w = start(t, withApp(rawApp(opened)))
	client, in := w.upgrade()
	app = <-opened
	t.Cleanup(func() { app.Close() })
	if err := app.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return w, client, in, app
}

func masked(f ws.Frame) []byte { return ws.MustCompileFrame(ws.MaskFrame(f)) }

func writeAll(t *testing.T, to io.Writer, p []byte) {
	t.Helper()
	if _, err := to.Write(p); err != nil {
		t.Fatal(err)
	}
}

// expectRead reads as many bytes as want has and compares them.
func expectRead(t *testing.T, from io.Reader, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(from, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %q, %v, expected %q", got[:n], err, want)
	}
}

// readFrame reads a frame, of any size, from a peer that the test trusts.
func readFrame(from io.Reader) (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(from); err != nil {
		return f, err
	}
	f.Payload = make([]byte, f.Header.Length)
	_, err = io.ReadFull(from, f.Payload)
	return f, err
}

func expectClose(t *testing.T, from io.Reader, fromClient bool, code ws.StatusCode) {
	t.Helper()
	f, err := readFrame(from)
	if err != nil {
		t.Fatal(err)
	}
	if f.Header.Masked != fromClient {
		t.Errorf("masked: %v", f.Header.Masked)
	}
	if f.Header.Masked {
		f = ws.UnmaskFrame(f)
	}
	if got, _ := ws.ParseCloseFrameData(f.Payload); f.Header.OpCode != ws.OpClose || got != code {
		t.Errorf("read the frame %v with %d, expected to be closed with %d", f.Header, got, code)
	}
}

func closing1000() ws.Frame {
	return ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))
}

// Both peers of a websocket that passes through get a close frame with 1001, and
// have time to answer.
func TestATunnelIsClosedOnBothSides_G10(t *testing.T) {
	w, client, in, app := openTunnel(t)
	writeAll(t, app, ws.MustCompileFrame(ws.NewTextFrame([]byte("hello"))))
	expectRead(t, in, ws.MustCompileFrame(ws.NewTextFrame([]byte("hello"))))
	w.end()
	expectClose(t, in, false, ws.StatusGoingAway)
	expectClose(t, app, true, ws.StatusGoingAway)
	// Frames after the close frame are discarded.
	writeAll(t, client, masked(ws.NewTextFrame([]byte("late"))))
	writeAll(t, client, masked(closing1000()))
	writeAll(t, app, ws.MustCompileFrame(closing1000()))
	for name, end := range map[string]io.Reader{"client": in, "application": app} {
		if rest, err := io.ReadAll(end); len(rest) > 0 {
			t.Errorf("the %s read %q, %v after the close frame, expected EOF", name, rest, err)
		}
	}
	if err := <-w.ended; err != nil {
		t.Errorf("the shutdown ended with %v", err)
	}
}

// A frame that was begun is completed before the close frame.
func TestAFrameInProgressEndsBeforeTheCloseFrame_G10(t *testing.T) {
	w, client, in, app := openTunnel(t)
	long := bytes.Repeat([]byte("0123456789abcdef"), 5000)
	down, up := ws.MustCompileFrame(ws.NewFrame(ws.OpText, false, long)), masked(ws.NewBinaryFrame(long))
	for _, cut := range []struct {
		to    io.Writer
		from  io.Reader
		bytes []byte
	}{{app, in, down[:70_000]}, {client, app, up[:5]}} {
		writeAll(t, cut.to, cut.bytes)
		expectRead(t, cut.from, cut.bytes)
	}
	w.end()
	w.eventually("the shutdown begins", w.server.draining.Load)
	writeAll(t, app, append(bytes.Clone(down[70_000:]), ws.MustCompileFrame(ws.NewFrame(ws.OpContinuation, true, long))...))
	writeAll(t, client, up[5:])
	expectRead(t, in, down[70_000:])
	expectRead(t, app, up[5:])
	// The shutdown may have reached the websocket after the second frame.
	next := bufio.NewReader(in)
	if first, err := next.Peek(1); err == nil && first[0] == byte(ws.OpContinuation)|0x80 {
		if _, err := readFrame(next); err != nil {
			t.Fatal(err)
		}
	}
	expectClose(t, next, false, ws.StatusGoingAway)
	expectClose(t, app, true, ws.StatusGoingAway)
	client.Close()
	if err := <-w.ended; err != nil {
		t.Errorf("the shutdown ended with %v", err)
	}
}

// A peer that does not complete a frame, and a client that does not read, are
// disconnected.
func TestAnUnfinishedFrameEndsTheConnection_G10(t *testing.T) {
	w, _, in, app := openTunnel(t)
	head := ws.MustCompileFrame(ws.NewTextFrame(make([]byte, 1000)))[:500]
	writeAll(t, app, head)
	expectRead(t, in, head)
	w.end()
	if rest, _ := io.ReadAll(in); len(rest) > 0 {
		t.Errorf("read %q inside a frame", rest)
	}
	if err := <-w.ended; err != nil {
		t.Errorf("the shutdown ended with %v", err)
	}
}

func TestAClientThatDoesNotReadIsDisconnected_G10(t *testing.T) {
	w, _, _, app := openTunnel(t)
	blocked := make(chan struct{})
	go func() {
		defer close(blocked)
		frame := ws.MustCompileFrame(ws.NewBinaryFrame(make([]byte, 1<<20)))
		for range 100 {
			if _, err := app.Write(frame); err != nil {
				return
			}
		}
	}()
	w.end()
	if err := <-w.ended; err != nil {
		t.Errorf("the shutdown ended with %v", err)
	}
	<-blocked
}

// A peer that has already got a close frame gets no second one.
func TestAWebsocketThatIsClosingGetsNoSecondCloseFrame_G10(t *testing.T) {
	w, client, in, app := openTunnel(t)
	closed := ws.MustCompileFrame(closing1000())
	writeAll(t, app, closed)
	expectRead(t, in, closed)
	w.end()
	expectClose(t, app, true, ws.StatusGoingAway)
	writeAll(t, client, masked(closing1000()))
	if rest, _ := io.ReadAll(in); len(rest) > 0 {
		t.Errorf("after the application's close frame, the client read %q", rest)
	}
	if err := <-w.ended; err != nil {
		t.Errorf("the shutdown ended with %v", err)
	}
}
