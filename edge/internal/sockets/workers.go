package sockets

import (
	"runtime"
	"sync"
	"time"
)

// stall is how long handlers may block all workers before more are started.
const stall = time.Millisecond

// workers serve scheduled connections, first in first out. There are as many as
// processors while no handler blocks; while handlers block, their number grows up
// to the limit.
type workers struct {
	serve func(c *Conn, buffer []byte)
	limit int
	base  int

	mu       sync.Mutex
	wake     sync.Cond
	head     *Conn
	tail     *Conn
	idle     int // waiting and not woken
	running  int
	dequeued uint64 // connections taken from the queue so far
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

// watch checks after stall whether connections were dequeued, and doubles the
// workers if not.
func (w *workers) watch() {
	dequeued := w.dequeued
	time.AfterFunc(stall, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.head == nil {
			w.watching = false
			return
		}
		if w.dequeued == dequeued {
			for range min(w.running, w.limit-w.running) { // doubles their number
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
		// A worker has a buffer only while it serves a connection.
		buffer := middleBuffers.Get().(*[middleBuffer]byte)
		w.serve(c, buffer[:])
		middleBuffers.Put(buffer)
		w.mu.Lock()
	}
}

// stop ends the workers once the queue is empty. push must not be called any more.
func (w *workers) stop() {
	w.mu.Lock()
	w.stopped = true
	w.idle = 0
	w.wake.Broadcast()
	w.mu.Unlock()
}
