package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// longTransfer is from how many bytes on a transfer shows how far it is.
const longTransfer = 8 << 20

// progress is a bar that fills with what is written to it.
type progress struct {
	to          io.Writer // nil: nothing is shown
	size, done  int64     // size below 0: not known
	shown, next int64
}

// progressOn shows the bar of a long transfer, or of one whose length is not
// known, on a terminal.
func progressOn(w io.Writer, size int64) *progress {
	p := &progress{size: size}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && (size < 0 || size >= longTransfer) {
		p.to = w
	}
	return p
}

func (p *progress) Write(b []byte) (int, error) {
	p.done += int64(len(b))
	if p.to != nil && p.done >= p.next {
		p.next = p.done + max(p.size/100, 1<<20)
		p.show()
	}
	return len(b), nil
}

const barWidth = 40

func (p *progress) show() {
	p.shown = p.done
	if p.size <= 0 {
		fmt.Fprintf(p.to, "\r%d MiB", p.done>>20)
		return
	}
	part := min(p.done, p.size)
	full := int(part * barWidth / p.size)
	fmt.Fprintf(p.to, "\r[%s%s] %3d%% of %d MiB", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), part*100/p.size, p.size>>20)
}

// end shows what was reached and leaves the line.
func (p *progress) end() {
	if p.to == nil {
		return
	}
	if p.shown != p.done {
		p.show()
	}
	fmt.Fprintln(p.to)
}
