// Package direct sends on TCP connections without telling Go's scheduler.
//
//	server.Serve(direct.Listen(listener))
//
// Around each system call, package net tells the scheduler that the thread may
// block. If the call lasts longer than 20 µs, the scheduler wakes another thread and
// gives it the processor, and the monitor of the runtime stays awake to look for the
// next such call. Sending to a peer on the same machine lasts that long, since the
// kernel delivers the bytes within the call. But a socket of package net never
// blocks: it has room, or the call returns at once.
//
// On systems other than Linux, and with the race detector, which follows system
// calls of package net, connections are not changed.
package direct

import "net"

// Listen returns a listener whose TCP connections send directly.
func Listen(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return Wrap(c), nil
}
