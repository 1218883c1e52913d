package pristine

import "golang.org/x/sys/unix"

// gate counts the page faults of a thread. Without a fault since open, no page can
// have become private.
type gate struct {
	usage  unix.Rusage
	faults int64
	thread int
	opened bool
}

func (g *gate) open() {
	g.thread = unix.Gettid()
	g.faults = g.count()
	g.opened = true
}

// close returns NotSearched if no page can have become private since open.
func (g *gate) close() Cause {
	opened := g.opened
	g.opened = false
	switch {
	case !opened:
		return NotBegun
	case unix.Gettid() != g.thread:
		return OtherThread
	}
	return moved(g.faults, g.count())
}

// count returns the number of faults; negative if the kernel does not report it.
func (g *gate) count() int64 {
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &g.usage); err != nil {
		return -1
	}
	return int64(g.usage.Minflt) + int64(g.usage.Majflt)
}
