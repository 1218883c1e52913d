// Package logs decouples writers of a log from a slow reader.
//
//	w := logs.NewWriter(os.Stderr, logs.Options{})
//	defer w.Close(time.Second)
//	logger := slog.New(slog.NewJSONHandler(w, nil))
package logs

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"
)

// Options configure a Writer. The zero value works.
type Options struct {
	// MaxBytes limits the queue, in bytes. Default 1 MiB.
	MaxBytes int
	// Retry is the pause after a failed write. Default 200 ms.
	Retry time.Duration
}

// The pause after each write lets lines gather, so that a busy log takes one write and
// one wake-up for many lines. It ends early when gatherBytes wait.
const (
	gatherTime  = 5 * time.Millisecond
	gatherBytes = 64 << 10
)

// Writer queues lines for another writer without ever blocking. A line after a quiet
// time is written at once, further ones within 5 ms. Lines that do not fit in the queue are dropped and counted; the count is written to the log once
// the other writer accepts lines again. A failed write, for example to a full
// disk, is continued at the first byte that was not written.
type Writer struct {
	to      io.Writer
	options Options

	mu       sync.Mutex
	queue    []byte // complete lines
	spare    []byte // memory for the next queue
	dropped  uint64 // lines, since the start
	reported uint64 // of dropped, those that the log mentions
	note     func(dropped uint64) []byte
	busy     bool // the goroutine holds unwritten bytes
	closing  bool
	failed   error // of the last write
	enough   int   // bytes in the queue for which the goroutine is woken

	wake chan struct{} // holds a value while there is work
	done chan struct{} // closed when the goroutine has ended
}

// NewWriter returns a Writer that writes to to. Close it.
func NewWriter(to io.Writer, o Options) *Writer {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 20
	}
	if o.Retry <= 0 {
		o.Retry = 200 * time.Millisecond
	}
	w := &Writer{to: to, options: o, wake: make(chan struct{}, 1), done: make(chan struct{})}
	w.note = func(n uint64) []byte { return fmt.Appendf(nil, "%d lines dropped\n", n) }
	go w.run()
	return w
}

// Note sets the function that formats the line about dropped lines.
func (w *Writer) Note(note func(dropped uint64) []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note = note
}

// Unwrap returns the writer that was passed to NewWriter.
func (w *Writer) Unwrap() io.Writer { return w.to }

// Dropped returns how many lines were dropped.
func (w *Writer) Dropped() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dropped
}

// Write queues or drops p, which must be one line. It never blocks and never
// fails.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue)+len(p) > w.options.MaxBytes || w.closing {
		w.dropped++
		return len(p), nil
	}
	w.queue = append(w.queue, p...)
	if len(w.queue) >= w.enough {
		w.signal()
	}
	return len(p), nil
}

func (w *Writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // the goroutine is awake
	}
}

// Close waits until every line is written, for patience at most. If the last
// write failed, it does not retry.
func (w *Writer) Close(patience time.Duration) error {
	w.mu.Lock()
	w.closing = true
	w.signal()
	w.mu.Unlock()
	select {
	case <-w.done:
	case <-time.After(patience):
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.failed != nil:
		return fmt.Errorf("logs: the last lines could not be written: %w", w.failed)
	case w.busy || len(w.queue) > 0:
		return errors.New("logs: the last lines were not read in time")
	}
	return nil
}

func (w *Writer) run() {
	defer close(w.done)
	for {
		batch, end := w.next()
		switch {
		case len(batch) > 0:
			if !w.flush(batch) {
				return
			}
			w.pause(gatherTime, min(gatherBytes, w.options.MaxBytes/2))
		case end:
			return
		default:
			<-w.wake
		}
	}
}

// next empties the queue and reports whether the Writer is closing.
func (w *Writer) next() (batch []byte, end bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	batch, w.queue, w.spare = w.queue, w.spare[:0], nil
	// The lines in batch are older than those dropped.
	if n := w.dropped - w.reported; n > 0 {
		batch = append(batch, w.note(n)...)
		w.reported = w.dropped
	}
	w.busy = len(batch) > 0
	return batch, w.closing
}

// flush writes batch. It reports false if the Writer was closed before all was
// written.
func (w *Writer) flush(batch []byte) bool {
	rest := batch
	for {
		n, err := w.to.Write(rest)
		rest = rest[n:]
		w.mu.Lock()
		w.failed = err
		if len(rest) == 0 {
			w.busy, w.failed, w.spare = false, nil, batch
			w.mu.Unlock()
			return true
		}
		closing := w.closing
		w.mu.Unlock()
		if closing {
			return false
		}
		w.pause(w.options.Retry, math.MaxInt)
	}
}

// pause waits for a time, or until the Writer is closing or enough bytes are queued.
func (w *Writer) pause(length time.Duration, enough int) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	for w.waits(enough) {
		select {
		case <-timer.C:
			w.waits(0)
			return
		case <-w.wake:
		}
	}
}

// waits sets for how many bytes the goroutine is woken, and reports whether it may wait
// for them. Otherwise it is woken for each line again.
func (w *Writer) waits(enough int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	wait := !w.closing && len(w.queue) < enough
	w.enough = 0
	if wait {
		w.enough = enough
	}
	return wait
}

var _ io.Writer = (*Writer)(nil)
