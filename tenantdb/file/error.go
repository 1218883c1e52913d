package file

import (
	"bytes"
	"fmt"
	"strings"
)

// Error is an error in the content of a file.
type Error struct {
	File         string
	Line, Column int    // from 1; a column counts bytes
	Key          string // such as domains[3].folder; empty at the top level
	Expected     string
	Found        string
	Advice       string // how to correct it; may be empty
}

// Error returns all fields in one line.
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

// lineColumn converts an offset in bytes to a line and a column, from 1.
func lineColumn(data []byte, offset int) (line, column int) {
	before := data[:min(offset, len(data))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

// show quotes s, truncated to 40 bytes.
func show(s string) string {
	const most = 40
	if len(s) > most {
		return fmt.Sprintf("%q…", s[:most])
	}
	return fmt.Sprintf("%q", s)
}
