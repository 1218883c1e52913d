package sockets

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// narrow has a connection hold little in the kernel, so that who does not read
// is soon felt. It is for the time before there is a peer: a window that was
// promised once cannot be taken back. Segments are as on other networks, or one
// of them would be more than there is room for.
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
