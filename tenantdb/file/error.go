package file

import (
	"bytes"
	"fmt"
	"strings"
)

// Error says what is wrong in a file, and where.
type Error struct {
	File         string
	Line, Column int    // from 1; a column counts bytes
	Key          string // as in domains[3].folder; empty outside of any
	Expected     string
	Found        string
	Advice       string // what to do; may be empty
}

// Error tells all of it in one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Column)
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString("expected " + e.Expected + ", found " + e.Found)
	if e.Advice != "" {
		b.WriteString("; " + e.Advice)
	}
	return b.String()
}

// place turns an offset into line and column.
func place(data []byte, offset int) (line, column int) {
	before := data[:min(offset, len(data))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

// show quotes what was found, shortened.
func show(s string) string {
	const most = 40
	if len(s) > most {
		return fmt.Sprintf("%q…", s[:most])
	}
	return fmt.Sprintf("%q", s)
}
