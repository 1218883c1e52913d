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
)

// poller waits for all polled connections at once. Edge-triggered for reading
// and writing, so that a connection is registered once and never again. The
// poller itself waits in the runtime's poller, so that it holds no thread.
type poller struct {
	file *os.File // the epoll descriptor
	raw  syscall.RawConn
	fd   int

	mu         sync.Mutex
	slots      []slot // by descriptor
	generation int32
}

// slot tells whose a descriptor is. The kernel hands the generation back with
// each event: an event that was fetched before the descriptor was closed, and
// reused, is nobody's.
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
		err = file.SetReadDeadline(time.Time{}) // fails if the runtime cannot wait for it
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("sockets: epoll: %w", err)
	}
	p := &poller{file: file, raw: raw, fd: fd}
	go p.run()
	return p, nil
}

// run hands connections that have something to do to the workers.
func (p *poller) run() {
	var events [256]unix.EpollEvent
	var n int
	wait := func(fd uintptr) bool {
		var err error
		if n, err = unix.EpollWait(int(fd), events[:], 0); err != nil {
			n = 0
			return err != unix.EINTR
		}
		return n > 0
	}
	var conns [len(events)]*Conn
	for p.raw.Read(wait) == nil {
		p.mu.Lock()
		for i, e := range events[:n] {
			conns[i] = nil
			if s := p.slots[e.Fd]; s.generation == e.Pad {
				conns[i] = s.conn
			}
		}
		p.mu.Unlock()
		for i, c := range conns[:n] {
			if c == nil {
				continue
			}
			conns[i] = nil
			var flag uint32
			if e := events[i].Events; e&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
				flag = flagRead | flagHangup
			} else if e&unix.EPOLLIN != 0 {
				flag = flagRead
			}
			if events[i].Events&unix.EPOLLOUT != 0 && c.flags.Load()&flagBlocked != 0 {
				flag |= flagFlush
			}
			if flag != 0 {
				c.schedule(flag)
			}
			if flag&flagFlush != 0 {
				c.kernelWritable()
			}
		}
	}
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

// remove forgets a connection, before its descriptor is closed.
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

// polled is the stream of a plain connection without a goroutine. Workers read
// and write it, one at a time.
type polled struct {
	poller     *poller
	fd         int32
	generation int32
}

// take takes a connection over from package net, whose own state then goes; nil
// if it is of a kind that cannot be polled.
func (p *poller) attach(conn net.Conn) startable {
	secure, _ := conn.(*tls.Conn)
	if secure != nil {
		conn = secure.NetConn()
	}
	below, _ := conn.(*switchableConn)
	switch {
	case below != nil:
		conn = below.Conn
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
	below.raw = plain
	return &polledTLS{polled: plain, conn: secure, lower: below}
}

// detach takes the descriptor out of a connection of package net.
func (p *poller) takeDescriptor(conn net.Conn) *polled {
	var inner syscall.Conn
	switch conn := conn.(type) {
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

// start has the poller look after a connection that is scheduled already.
func (s *polled) start(c *Conn) {
	if s.poller.add(c, s) != nil {
		c.flags.Or(flagAbort)
	}
	c.flags.Or(flagRead)
	c.hub.workers.push(c)
}

var _ stream = (*polled)(nil)
