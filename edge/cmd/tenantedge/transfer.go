package main

import "io"

// longTransfer is from how many bytes on a transfer shows how far it is.
const longTransfer = 8 << 20

// transfer moves a bar by what is written to it.
type transfer struct {
	bar        progress
	size, done int64
}

// transferOn has a bar on a terminal if the transfer is long. A size below 0
// is not known.
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

// end leaves the line to what comes next.
func (t *transfer) end() { t.bar.clear() }
