package sockets

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// Tunnel forwards a websocket between a client and an application. It tracks the
// frames of both directions, so that it can send each peer a close frame between
// two frames.
type Tunnel struct {
	toClient, toApp outlet
	app             io.ReadWriteCloser
	dropClient      func() // closes the client's connection immediately
	start           sync.Once
	started         chan struct{} // closed once the client has the response to its handshake
}

// NewTunnel returns a tunnel to an application that has accepted a websocket. received and
// sent are called with the sizes of parts of the payloads of the client's and of the
// application's messages.
func NewTunnel(app io.ReadWriteCloser, received, sent func(int)) *Tunnel {
	return &Tunnel{
		app:      app,
		toApp:    outlet{to: app, closed: make(chan struct{}), count: received},
		toClient: outlet{closed: make(chan struct{}), count: sent},
		started:  make(chan struct{}),
	}
}

// App returns the connection to use in place of the application's.
func (t *Tunnel) App() io.ReadWriteCloser { return &appConn{t.app, t} }

// Client returns the connection to use in place of the client's. drop must close
// that one immediately, even during a write.
func (t *Tunnel) Client(conn net.Conn, drop func()) net.Conn {
	t.toClient.to, t.dropClient = conn, drop
	return &clientConn{conn, t}
}

// End sends both peers a close frame after the current frame, with code to the
// client. It waits until both have sent a close frame, done is closed, or the
// timeout passes. In the last two cases it drops the client, unless the client has
// no response to its handshake yet. The caller closes the connection to the
// application.
func (t *Tunnel) End(code Code, done <-chan struct{}, timeout time.Duration) {
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case <-t.started:
	case <-done:
		return
	case <-late.C:
		return
	}
	// A peer that does not read blocks its goroutine until its connection is closed.
	go t.toClient.sendClose(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(code), "")))
	go t.toApp.sendClose(ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusGoingAway, ""))))
	for _, o := range []*outlet{&t.toClient, &t.toApp} {
		select {
		case <-o.closed:
			continue
		case <-done:
		case <-late.C:
		}
		t.dropClient()
		return
	}
}

// outlet forwards the bytes of one peer to the other.
type outlet struct {
	to     io.Writer
	closed chan struct{} // closed once the sending peer has sent a close frame
	count  func(int)

	mu         sync.Mutex
	tracker    frameTracker
	closeFrame *ws.Frame // to send between frames; later input is dropped
	closeSent  bool
}

// sendClose sends a close frame, after the current frame if there is one.
func (o *outlet) sendClose(frame ws.Frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closeFrame = &frame
	o.sendCloseLocked()
}

func (o *outlet) sendCloseLocked() {
	if !o.closeSent && o.tracker.between() {
		o.closeSent = true
		if !o.tracker.closed {
			_ = ws.WriteFrame(o.to, *o.closeFrame) // an error means that the connection is broken
		}
	}
}

// Write implements io.Writer.
func (o *outlet) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closeFrame == nil {
		o.trackLocked(p)
		return o.to.Write(p)
	}
	rest := p
	if !o.closeSent { // the current frame is incomplete
		n := o.trackFrameLocked(p)
		if n, err := o.to.Write(p[:n]); err != nil {
			return n, err
		}
		rest = p[n:]
		o.sendCloseLocked()
	}
	o.trackLocked(rest)
	return len(p), nil
}

func (o *outlet) trackLocked(p []byte) {
	for len(p) > 0 {
		p = p[o.trackFrameLocked(p):]
	}
}

// trackFrameLocked tracks one frame, and returns its bytes in p. Bytes after a
// close frame are not tracked.
func (o *outlet) trackFrameLocked(p []byte) int {
	if o.tracker.closed {
		return len(p)
	}
	n, data := o.tracker.next(p)
	if data > 0 {
		o.count(data)
	}
	if o.tracker.closed {
		close(o.closed)
	}
	return n
}

// frameTracker finds the ends of frames in a stream (RFC 6455, 5.2). It does not
// keep payloads.
type frameTracker struct {
	head      [14]byte
	headLen   int    // bytes of head
	remaining uint64 // bytes of the payload
	inPayload bool   // head is complete
	closed    bool   // there was a close frame
}

func (f *frameTracker) between() bool { return f.headLen == 0 }

// next returns how many bytes at the start of p belong to the current frame, and how
// many of these are of the payload of a message.
func (f *frameTracker) next(p []byte) (n, data int) {
	for ; n < len(p) && !f.inPayload; n++ {
		f.head[f.headLen] = p[n]
		f.headLen++
		f.parseHead()
	}
	payload := min(uint64(len(p)-n), f.remaining)
	f.remaining -= payload
	if !ws.OpCode(f.head[0] & 0x0f).IsControl() {
		data = int(payload)
	}
	if f.inPayload && f.remaining == 0 {
		f.closed = ws.OpCode(f.head[0]&0x0f) == ws.OpClose
		f.headLen, f.inPayload = 0, false
	}
	return n + int(payload), data
}

// parseHead checks whether head is complete, and parses it.
func (f *frameTracker) parseHead() {
	if f.headLen < 2 {
		return
	}
	size, length := 2, uint64(f.head[1]&0x7f)
	switch length {
	case 126:
		size = 4
	case 127:
		size = 10
	}
	end := size
	if f.head[1]&0x80 != 0 {
		end += 4 // the mask
	}
	if f.headLen < end {
		return
	}
	if size > 2 {
		length = 0
		for _, b := range f.head[2:size] {
			length = length<<8 | uint64(b)
		}
	}
	f.remaining, f.inPayload = length, true
}

// clientConn is the client's connection of a tunnel, appConn the application's.
// Package httputil copies between them.
type clientConn struct {
	net.Conn
	tunnel *Tunnel
}

func (e *clientConn) Read(p []byte) (int, error) {
	e.tunnel.start.Do(func() { close(e.tunnel.started) })
	return e.Conn.Read(p)
}

func (e *clientConn) Write(p []byte) (int, error) { return e.tunnel.toClient.Write(p) }

// CloseWrite forwards the end of the application's stream.
func (e *clientConn) CloseWrite() error { return halfClose(e.Conn) }

type appConn struct {
	io.ReadWriteCloser
	tunnel *Tunnel
}

func (e *appConn) Write(p []byte) (int, error) { return e.tunnel.toApp.Write(p) }

// CloseWrite forwards the end of the client's stream.
func (e *appConn) CloseWrite() error { return halfClose(e.ReadWriteCloser) }

func halfClose(c any) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
