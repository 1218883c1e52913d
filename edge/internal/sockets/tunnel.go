package sockets

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// Tunnel is a websocket that passes through between a client and an
// application. It follows the frames of both directions, so that each peer can
// be sent a close frame between two of them.
type Tunnel struct {
	toClient, toApp outlet
	app             io.ReadWriteCloser
	dropClient      func() // closes the client's connection at once
	start           sync.Once
	started         chan struct{} // the client has the answer to its handshake
}

// NewTunnel returns a tunnel to an application that has accepted a websocket.
func NewTunnel(app io.ReadWriteCloser) *Tunnel {
	return &Tunnel{
		app:      app,
		toApp:    outlet{to: app, closed: make(chan struct{})},
		toClient: outlet{closed: make(chan struct{})},
		started:  make(chan struct{}),
	}
}

// App returns what to use in place of the connection to the application.
func (t *Tunnel) App() io.ReadWriteCloser { return &appConn{t.app, t} }

// Client returns what to use in place of the client's connection, which cut
// closes at once, whatever is to be written.
func (t *Tunnel) Client(conn net.Conn, cut func()) net.Conn {
	t.toClient.to, t.dropClient = conn, cut
	return &clientConn{conn, t}
}

// End sends both peers a close frame at the next end of a frame, the client's
// with a code, and waits until both have sent theirs, the websocket is over, or
// the time is up. The caller closes the connection to the application.
func (t *Tunnel) End(code Code, over <-chan struct{}, timeout time.Duration) {
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case <-t.started:
	case <-over:
		return
	case <-late.C:
		return
	}
	// A peer that does not read blocks them until its connection is closed.
	go t.toClient.sendClose(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(code), "")))
	go t.toApp.sendClose(ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusGoingAway, ""))))
	for _, o := range []*outlet{&t.toClient, &t.toApp} {
		select {
		case <-o.closed:
			continue
		case <-over:
		case <-late.C:
		}
		t.dropClient()
		return
	}
}

// outlet writes to one peer what the other sends.
type outlet struct {
	to     io.Writer
	closed chan struct{} // the other has sent a close frame

	mu         sync.Mutex
	tracker    frameTracker
	closeFrame *ws.Frame // to be sent between frames; what comes then is dropped
	closeSent  bool
}

// end has a close frame sent as soon as no frame is under way.
func (o *outlet) sendClose(farewell ws.Frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closeFrame = &farewell
	o.sendCloseLocked()
}

func (o *outlet) sendCloseLocked() {
	if !o.closeSent && o.tracker.between() {
		o.closeSent = true
		if !o.tracker.closed {
			_ = ws.WriteFrame(o.to, *o.closeFrame) // an error means that the peer is gone
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
	if !o.closeSent { // a frame is under way
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

// nextLocked follows one frame, and notes that it closes. What comes after that
// is no frame.
func (o *outlet) trackFrameLocked(p []byte) int {
	if o.tracker.closed {
		return len(p)
	}
	n := o.tracker.next(p)
	if o.tracker.closed {
		close(o.closed)
	}
	return n
}

// frames follows where the frames of a websocket end, without their payload
// (RFC 6455, 5.2).
type frameTracker struct {
	head      [14]byte
	headLen   int    // bytes of head
	remaining uint64 // bytes of the payload that are to come
	inPayload bool   // the head is complete
	closed    bool   // there was a close frame
}

func (f *frameTracker) between() bool { return f.headLen == 0 }

// next takes the bytes at the start of p that belong to one frame, and returns
// how many there are.
func (f *frameTracker) next(p []byte) int {
	n := 0
	for ; n < len(p) && !f.inPayload; n++ {
		f.head[f.headLen] = p[n]
		f.headLen++
		f.parseHead()
	}
	payload := min(uint64(len(p)-n), f.remaining)
	f.remaining -= payload
	if f.inPayload && f.remaining == 0 {
		f.closed = ws.OpCode(f.head[0]&0x0f) == ws.OpClose
		f.headLen, f.inPayload = 0, false
	}
	return n + int(payload)
}

// begin looks whether the head is complete.
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

// clientEnd is the client's connection of a tunnel, appEnd the application's.
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

// CloseWrite hands on that the application sends nothing more.
func (e *clientConn) CloseWrite() error { return halfClose(e.Conn) }

type appConn struct {
	io.ReadWriteCloser
	tunnel *Tunnel
}

func (e *appConn) Write(p []byte) (int, error) { return e.tunnel.toApp.Write(p) }

// CloseWrite hands on that the client sends nothing more.
func (e *appConn) CloseWrite() error { return halfClose(e.ReadWriteCloser) }

func halfClose(c any) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
