package pristine

import "golang.org/x/sys/unix"

// gate tells from the thread's count of page faults whether any page can have
// become private since it was opened.
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

// close is NotSearched if the known pages are still all.
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

// count is negative if the kernel does not tell.
func (g *gate) count() int64 {
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &g.usage); err != nil {
		return -1
	}
	return int64(g.usage.Minflt) + int64(g.usage.Majflt)
}
