package sockets

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tenantedge/tenantedge/edge/internal/direct"
)

// poller waits for events of all polled connections. They are registered once,
// edge-triggered for reading and writing. The epoll descriptor itself is in the
// runtime's poller, so that waiting for it occupies no thread.
type poller struct {
	file *os.File // the epoll descriptor
	raw  syscall.RawConn
	fd   int

	mu         sync.Mutex
	slots      []slot // by descriptor
	generation int32
}

// slot is the connection of a descriptor. The kernel returns the generation with
// each event, so that an event from before the descriptor was closed and reused
// is ignored.
type slot struct {
	conn       *Conn
	generation int32
}

const pollEvents = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("sockets: epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("sockets: epoll: %w", err)
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(time.Time{}) // fails if the runtime cannot poll it
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("sockets: epoll: %w", err)
	}
	p := &poller{file: file, raw: raw, fd: fd}
	go p.run()
	return p, nil
}

// run handles events until the poller is closed. It stays in one RawConn.Read, so
// that no event between a wait and the next one is forgotten, and none has to be
// looked for in vain.
func (p *poller) run() {
	var events [256]unix.EpollEvent
	var conns [len(events)]*Conn
	_ = p.raw.Read(func(fd uintptr) bool {
		for {
			n, err := unix.EpollWait(int(fd), events[:], 0)
			if err == unix.EINTR {
				continue
			}
			n = max(n, 0)
			p.lookup(conns[:n], events[:n])
			handle(conns[:n], events[:n])
			clear(conns[:n])
			if n < len(events) {
				return false
			}
		}
	})
}

// handle schedules connections with events. It serves one relay itself, which calls
// no handler and so does not block, instead of waking a worker.
func handle(conns []*Conn, events []unix.EpollEvent) {
	var own *Conn
	for i, c := range conns {
		switch {
		case c == nil || !c.polledEvent(events[i].Events):
		case own == nil && c.isRelay:
			own = c
		default:
			c.hub.workers.push(c)
		}
	}
	if own != nil {
		buffer := middleBuffers.Get().(*[middleBuffer]byte)
		own.serve(buffer[:])
		middleBuffers.Put(buffer)
	}
}

// lookup sets conns to the connections of events, nil for those that were closed.
func (p *poller) lookup(conns []*Conn, events []unix.EpollEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, e := range events {
		conns[i] = nil
		if s := p.slots[e.Fd]; s.generation == e.Pad {
			conns[i] = s.conn
		}
	}
}

// polledEvent sets the flags for an event of epoll, and reports whether the caller
// must have the connection served.
func (c *Conn) polledEvent(event uint32) (serve bool) {
	var flag uint32
	if event&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		flag = flagRead | flagHangup
	} else if event&unix.EPOLLIN != 0 {
		flag = flagRead
	}
	if event&unix.EPOLLOUT != 0 && c.flags.Load()&flagBlocked != 0 {
		flag |= flagFlush
	}
	if flag != 0 {
		serve = c.flags.Or(flag|flagScheduled)&flagScheduled == 0
	}
	if flag&flagFlush != 0 {
		c.kernelWritable()
	}
	return serve
}

// add registers a connection.
func (p *poller) add(c *Conn, s *polled) error {
	fd := int(s.fd)
	p.mu.Lock()
	if fd >= len(p.slots) {
		p.slots = append(p.slots, make([]slot, fd+1-len(p.slots)+len(p.slots)/2)...)
	}
	p.generation++
	s.generation = p.generation
	p.slots[fd] = slot{c, s.generation}
	p.mu.Unlock()
	event := unix.EpollEvent{Events: pollEvents, Fd: s.fd, Pad: s.generation}
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("sockets: epoll_ctl: %w", err)
	}
	return nil
}

// remove removes a connection. It must be called before the descriptor is closed.
func (p *poller) remove(s *polled) {
	fd := int(s.fd)
	unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil)
	p.mu.Lock()
	if fd < len(p.slots) && p.slots[fd].generation == s.generation {
		p.slots[fd] = slot{}
	}
	p.mu.Unlock()
}

func (p *poller) close() { p.file.Close() }

// polled is the stream of a plain connection without a goroutine. One worker at a
// time reads and writes it.
type polled struct {
	poller     *poller
	fd         int32
	generation int32
}

// attach takes over a connection from package net, or a TLS connection of Listen,
// and releases the state that package net has for it. It returns nil for a
// connection that cannot be polled.
func (p *poller) attach(conn net.Conn) startable {
	secure, _ := conn.(*tls.Conn)
	if secure != nil {
		conn = secure.NetConn()
	}
	lower, _ := conn.(*switchableConn)
	switch {
	case lower != nil:
		conn = lower.Conn
	case secure != nil:
		return nil
	}
	plain := p.takeDescriptor(conn)
	switch {
	case plain == nil:
		return nil
	case secure == nil:
		return plain
	}
	lower.raw = plain
	return &polledTLS{polled: plain, conn: secure, lower: lower}
}

// takeDescriptor duplicates the descriptor of a connection of package net, and
// closes the connection. It returns nil, and leaves the connection open, if that
// is not possible.
func (p *poller) takeDescriptor(conn net.Conn) *polled {
	var inner syscall.Conn
	switch conn := direct.Unwrap(conn).(type) {
	case *net.TCPConn:
		inner = conn
	case *net.UnixConn:
		inner = conn
	default:
		return nil
	}
	raw, err := inner.SyscallConn()
	if err != nil {
		return nil
	}
	fd := -1
	if raw.Control(func(old uintptr) {
		if fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0); err != nil {
			fd = -1
		}
	}) != nil || fd < 0 {
		return nil
	}
	conn.Close()
	return &polled{poller: p, fd: int32(fd)}
}

func (s *polled) read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(s.fd), p)
		switch err {
		case nil:
			return n, nil
		case unix.EAGAIN:
			return 0, errWouldBlock
		case unix.EINTR:
		default:
			return 0, err
		}
	}
}

func (s *polled) write(bufs [][]byte) (n int, err error) {
	for {
		if len(bufs) == 1 {
			n, err = unix.Write(int(s.fd), bufs[0])
		} else {
			n, err = unix.Writev(int(s.fd), bufs)
		}
		switch err {
		case nil:
			return n, nil
		case unix.EAGAIN:
			return 0, errWouldBlock
		case unix.EINTR:
		default:
			return 0, err
		}
	}
}

func (s *polled) closeWrite() bool {
	unix.Shutdown(int(s.fd), unix.SHUT_WR)
	return true
}

func (s *polled) close() {
	s.poller.remove(s)
	unix.Close(int(s.fd))
}

func (s *polled) more() bool     { return false }
func (s *polled) isPolled() bool { return true }

func (s *polled) wake(c *Conn, flag uint32) {
	if c.flags.Or(flag|flagScheduled)&flagScheduled == 0 {
		c.hub.workers.push(c)
	}
}

// start registers a connection, which has flagScheduled, with the poller.
func (s *polled) start(c *Conn) {
	if s.poller.add(c, s) != nil {
		c.flags.Or(flagAbort)
	}
	c.flags.Or(flagRead)
	c.hub.workers.push(c)
}

var _ stream = (*polled)(nil)
