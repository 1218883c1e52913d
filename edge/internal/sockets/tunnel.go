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
	cut             func() // closes the client's connection at once
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
func (t *Tunnel) App() io.ReadWriteCloser { return &appEnd{t.app, t} }

// Client returns what to use in place of the client's connection, which cut
// closes at once, whatever is to be written.
func (t *Tunnel) Client(conn net.Conn, cut func()) net.Conn {
	t.toClient.to, t.cut = conn, cut
	return &clientEnd{conn, t}
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
	go t.toClient.end(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(code), "")))
	go t.toApp.end(ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusGoingAway, ""))))
	for _, o := range []*outlet{&t.toClient, &t.toApp} {
		select {
		case <-o.closed:
			continue
		case <-over:
		case <-late.C:
		}
		t.cut()
		return
	}
}

// outlet writes to one peer what the other sends.
type outlet struct {
	to     io.Writer
	closed chan struct{} // the other has sent a close frame

	mu       sync.Mutex
	frames   frames
	farewell *ws.Frame // to be sent between frames; what comes then is dropped
	said     bool
}

// end has a close frame sent as soon as no frame is under way.
func (o *outlet) end(farewell ws.Frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.farewell = &farewell
	o.sayLocked()
}

func (o *outlet) sayLocked() {
	if !o.said && o.frames.between() {
		o.said = true
		if !o.frames.closed {
			_ = ws.WriteFrame(o.to, *o.farewell) // an error means that the peer is gone
		}
	}
}

// Write implements io.Writer.
func (o *outlet) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.farewell == nil {
		o.followLocked(p)
		return o.to.Write(p)
	}
	rest := p
	if !o.said { // a frame is under way
		n := o.nextLocked(p)
		if n, err := o.to.Write(p[:n]); err != nil {
			return n, err
		}
		rest = p[n:]
		o.sayLocked()
	}
	o.followLocked(rest)
	return len(p), nil
}

func (o *outlet) followLocked(p []byte) {
	for len(p) > 0 {
		p = p[o.nextLocked(p):]
	}
}

// nextLocked follows one frame, and notes that it closes. What comes after that
// is no frame.
func (o *outlet) nextLocked(p []byte) int {
	if o.frames.closed {
		return len(p)
	}
	n := o.frames.next(p)
	if o.frames.closed {
		close(o.closed)
	}
	return n
}

// frames follows where the frames of a websocket end, without their payload
// (RFC 6455, 5.2).
type frames struct {
	head   [14]byte
	had    int    // bytes of head
	left   uint64 // bytes of the payload that are to come
	inside bool   // the head is complete
	closed bool   // there was a close frame
}

func (f *frames) between() bool { return f.had == 0 }

// next takes the bytes at the start of p that belong to one frame, and returns
// how many there are.
func (f *frames) next(p []byte) int {
	n := 0
	for ; n < len(p) && !f.inside; n++ {
		f.head[f.had] = p[n]
		f.had++
		f.begin()
	}
	payload := min(uint64(len(p)-n), f.left)
	f.left -= payload
	if f.inside && f.left == 0 {
		f.closed = ws.OpCode(f.head[0]&0x0f) == ws.OpClose
		f.had, f.inside = 0, false
	}
	return n + int(payload)
}

// begin looks whether the head is complete.
func (f *frames) begin() {
	if f.had < 2 {
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
	if f.had < end {
		return
	}
	if size > 2 {
		length = 0
		for _, b := range f.head[2:size] {
			length = length<<8 | uint64(b)
		}
	}
	f.left, f.inside = length, true
}

// clientEnd is the client's connection of a tunnel, appEnd the application's.
// Package httputil copies between them.
type clientEnd struct {
	net.Conn
	tunnel *Tunnel
}

func (e *clientEnd) Read(p []byte) (int, error) {
	e.tunnel.start.Do(func() { close(e.tunnel.started) })
	return e.Conn.Read(p)
}

func (e *clientEnd) Write(p []byte) (int, error) { return e.tunnel.toClient.Write(p) }

// CloseWrite hands on that the application sends nothing more.
func (e *clientEnd) CloseWrite() error { return halfClose(e.Conn) }

type appEnd struct {
	io.ReadWriteCloser
	tunnel *Tunnel
}

func (e *appEnd) Write(p []byte) (int, error) { return e.tunnel.toApp.Write(p) }

// CloseWrite hands on that the client sends nothing more.
func (e *appEnd) CloseWrite() error { return halfClose(e.ReadWriteCloser) }

func halfClose(c any) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
