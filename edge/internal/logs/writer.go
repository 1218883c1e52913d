// Package logs keeps what reads the logs from holding up what writes them.
//
//	w := logs.NewWriter(os.Stderr, logs.Options{})
//	defer w.Close(time.Second)
//	logger := slog.New(slog.NewJSONHandler(w, nil))
package logs

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Options is what a Writer is made of. The zero value works.
type Options struct {
	// Most is how many bytes wait for the reader. Default 1 MiB.
	Most int
	// Retry is the pause after a write that failed. Default 200 ms.
	Retry time.Duration
}

// Writer passes lines on to another writer without ever waiting for it. Lines
// that do not fit in its buffer are dropped and counted; the count is written
// to the log when the other writer takes lines again. A write that fails, on a
// full disk say, is tried again from the byte that it came to.
type Writer struct {
	to      io.Writer
	options Options

	mu      sync.Mutex
	waiting []byte // whole lines that nothing has taken yet
	spare   []byte // the memory for the next ones
	dropped uint64 // lines, since the start
	told    uint64 // of dropped, those that the log mentions
	note    func(dropped uint64) []byte
	busy    bool // the goroutine has bytes that are not written yet
	closing bool
	failed  error // of the last write

	wake chan struct{} // has one: there is something to do
	done chan struct{} // closed: the goroutine has ended
}

// NewWriter starts a Writer in front of to.
func NewWriter(to io.Writer, o Options) *Writer {
	if o.Most <= 0 {
		o.Most = 1 << 20
	}
	if o.Retry <= 0 {
		o.Retry = 200 * time.Millisecond
	}
	w := &Writer{to: to, options: o, wake: make(chan struct{}, 1), done: make(chan struct{})}
	w.note = func(n uint64) []byte { return fmt.Appendf(nil, "%d lines dropped\n", n) }
	go w.run()
	return w
}

// Note sets how the line reads that reports dropped lines, for a log that has a
// format.
func (w *Writer) Note(note func(dropped uint64) []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note = note
}

// Unwrap returns the writer that the lines go to.
func (w *Writer) Unwrap() io.Writer { return w.to }

// Dropped returns how many lines were dropped.
func (w *Writer) Dropped() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dropped
}

// Write takes p, which is one line, or drops it. It never waits and never
// fails.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting)+len(p) > w.options.Most || w.closing {
		w.dropped++
		return len(p), nil
	}
	w.waiting = append(w.waiting, p...)
	w.signal()
	return len(p), nil
}

func (w *Writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // it is awake
	}
}

// Close waits until every line is written, but not longer than patience, and
// gives up at once where the last write failed.
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
	case w.busy || len(w.waiting) > 0:
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
			if !w.pass(batch) {
				return
			}
		case end:
			return
		default:
			<-w.wake
		}
	}
}

// next takes what waits, and reports whether the Writer is closing.
func (w *Writer) next() (batch []byte, end bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	batch, w.waiting, w.spare = w.waiting, w.spare[:0], nil
	// The lines in batch came before those that were dropped.
	if n := w.dropped - w.told; n > 0 {
		batch = append(batch, w.note(n)...)
		w.told = w.dropped
	}
	w.busy = len(batch) > 0
	return batch, w.closing
}

// pass writes batch. It reports false if the Writer is closed before it could.
func (w *Writer) pass(batch []byte) bool {
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
		w.pause()
	}
}

// pause waits before a write is tried again, less long if the Writer closes.
func (w *Writer) pause() {
	timer := time.NewTimer(w.options.Retry)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return
		case <-w.wake:
			w.mu.Lock()
			closing := w.closing
			w.mu.Unlock()
			if closing {
				return
			}
		}
	}
}

var _ io.Writer = (*Writer)(nil)
