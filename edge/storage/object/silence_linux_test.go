package object

import (
	"errors"
	"net"
	"strconv"
	"syscall"
	"testing"
)

// A server that accepts no connections makes clients wait when its queue is full.
func TestConnectingIsBoundedInTime_G8(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	must(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	must(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, syscall.Listen(fd, 0))
	name, err := syscall.Getsockname(fd)
	must(t, err)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port))
	for queued := 0; ; queued++ {
		c, err := net.DialTimeout("tcp", address, silence)
		if err != nil {
			break
		}
		t.Cleanup(func() { _ = c.Close() })
		if queued == 100 {
			t.Fatal("the queue of connections does not fill")
		}
	}
	if err := openAt(t, "http://"+address, "media", "").Ping(t.Context()); !errors.Is(err, errSilent) {
		t.Errorf("%v, expected errSilent", err)
	}
}
