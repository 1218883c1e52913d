package sockets

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// narrow gives a connection small kernel buffers, so that a peer that does not
// read blocks soon. It must be called before the connection is established,
// since a TCP window cannot shrink. Segments are as small as on Ethernet, so
// that they fit the buffers.
func narrow(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		for _, o := range [...]struct{ level, name, value int }{
			{unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1400},
			{unix.SOL_SOCKET, unix.SO_RCVBUF, 16 << 10},
			{unix.SOL_SOCKET, unix.SO_SNDBUF, 16 << 10},
		} {
			if failed == nil {
				failed = unix.SetsockoptInt(int(fd), o.level, o.name, o.value)
			}
		}
	})
	if err != nil {
		return err
	}
	return failed
}
