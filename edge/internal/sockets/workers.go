package sockets

import (
	"runtime"
	"sync"
	"time"
)

// stall is how long all workers may be held up by their handlers before there
// are more of them.
const stall = time.Millisecond

// workers serve the polled connections that have something to do, in the order
// they came. There are as many as processors as long as no handler waits for
// something; while handlers wait, their number grows up to the limit.
type workers struct {
	serve func(c *Conn, buffer []byte)
	limit int
	base  int

	mu       sync.Mutex
	wake     sync.Cond
	head     *Conn
	tail     *Conn
	idle     int // waiting, and not yet woken
	running  int
	dequeued uint64 // connections taken off the queue, ever
	watching bool
	stopped  bool
}

func newWorkers(limit int, serve func(*Conn, []byte)) *workers {
	w := &workers{serve: serve, limit: limit, base: min(runtime.GOMAXPROCS(0), limit)}
	w.wake.L = &w.mu
	return w
}

// push queues a connection, which must not be in the queue.
func (w *workers) push(c *Conn) {
	w.mu.Lock()
	if w.tail == nil {
		w.head = c
	} else {
		w.tail.nextReady = c
	}
	w.tail = c
	switch {
	case w.idle > 0:
		w.idle--
		w.wake.Signal()
	case w.running < w.base:
		w.running++
		go w.work()
	case !w.watching:
		w.watching = true
		w.watch()
	}
	w.mu.Unlock()
}

// watch looks after a moment whether the queue moves.
func (w *workers) watch() {
	taken := w.dequeued
	time.AfterFunc(stall, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.head == nil {
			w.watching = false
			return
		}
		if w.dequeued == taken {
			for range min(w.running, w.limit-w.running) { // twice as many
				w.running++
				go w.work()
			}
		}
		w.watch()
	})
}

func (w *workers) work() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for w.head == nil {
			if w.stopped || w.idle >= w.base || w.running > w.base {
				w.running--
				return
			}
			w.idle++
			w.wake.Wait()
		}
		c := w.head
		w.head, c.nextReady = c.nextReady, nil
		if w.head == nil {
			w.tail = nil
		}
		w.dequeued++
		w.mu.Unlock()
		// The buffer is held while there is something to do, and no longer.
		buffer := middleBuffers.Get().(*[middleBuffer]byte)
		w.serve(c, buffer[:])
		middleBuffers.Put(buffer)
		w.mu.Lock()
	}
}

// stop ends the workers once the queue is empty; nothing is queued any more.
func (w *workers) stop() {
	w.mu.Lock()
	w.stopped = true
	w.idle = 0
	w.wake.Broadcast()
	w.mu.Unlock()
}
