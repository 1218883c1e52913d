package main

import (
	"fmt"
	"io"
	"strings"
)

// progress is a progress bar. It writes nothing unless shown is set, which is for
// terminals.
type progress struct {
	out      io.Writer
	shown    bool
	done, of int
}

const barWidth = 40

// step counts one step and redraws the bar.
func (p *progress) step() { p.at(p.done + 1) }

// at draws the bar after a number of steps.
func (p *progress) at(done int) {
	p.done = done
	if !p.shown {
		return
	}
	filled := barWidth * p.done / p.of
	fmt.Fprintf(p.out, "\r[%s%s] %3d %%", strings.Repeat("█", filled), strings.Repeat("·", barWidth-filled), 100*p.done/p.of)
}

// clear erases the bar.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, "\r\033[K")
	}
}
