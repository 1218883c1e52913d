package main

import "io"

// longTransfer is the size in bytes from which a transfer shows its progress.
const longTransfer = 8 << 20

// transfer is a writer that advances a progress bar.
type transfer struct {
	bar        progress
	size, done int64
}

// transferOn returns a transfer of size bytes, -1 if unknown. It shows the bar if w
// is a terminal and the transfer is long.
func transferOn(w io.Writer, size int64) *transfer {
	return &transfer{bar: progress{out: w, shown: size >= longTransfer && isTerminal(w), of: 100}, size: size}
}

func (t *transfer) Write(b []byte) (int, error) {
	t.done += int64(len(b))
	for t.size > 0 && int64(t.bar.done) < min(100, t.done*100/t.size) {
		t.bar.step()
	}
	return len(b), nil
}

// end erases the bar.
func (t *transfer) end() { t.bar.clear() }
