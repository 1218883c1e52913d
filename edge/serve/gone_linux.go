package serve

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// watchClient returns a context that ends when the client of an HTTP/1 request
// disconnects. net/http looks for that only once the body has been read. Nothing may
// read from the connection before stop has returned.
func watchClient(ctx context.Context) (watched context.Context, stop func()) {
	c, _ := ctx.Value(clientKey{}).(*clientConn)
	if c == nil {
		return ctx, func() {}
	}
	conn, raw := c.conn, rawOf(c.conn)
	if raw == nil {
		return ctx, func() {}
	}
	watched, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	_ = conn.SetReadDeadline(time.Time{}) // that of the server would end the watch
	go func() {
		defer close(ended)
		if raw.Read(hungUp) == nil {
			cancel()
		}
	}()
	return watched, func() {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
		<-ended
		cancel()
		_ = conn.SetReadDeadline(time.Time{}) // package pace sets that of the body
	}
}

// hungUp reports whether the peer has closed its side of the connection, even if
// there are bytes to read before that.
func hungUp(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}
