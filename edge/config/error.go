package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake in a configuration. Parse and Load join several; errors.As
// finds the first.
type Error struct {
	File    string // name of the file
	Line    int    // from 1; 0 if the problem has no position
	Column  int    // from 1; 0 if only the line is known
	Path    string // the key, such as tenants.www.domains[0]; empty for the whole file
	Problem string // what was expected, what was found, what to do
}

// Error returns "file:line:col: key.path: problem".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ":%d", e.Column)
		}
	}
	b.WriteString(": ")
	if e.Path != "" {
		b.WriteString(e.Path)
		b.WriteString(": ")
	}
	b.WriteString(e.Problem)
	return b.String()
}

// maxErrors limits a report: after twenty mistakes, most further errors are
// consequences of the first.
const maxErrors = 20

// fail records a problem.
func (d *decoder) fail(at position, p *path, format string, args ...any) {
	d.failed++
	if d.failed > maxErrors {
		return
	}
	d.errs = append(d.errs, &Error{
		File: d.name, Line: at.line, Column: at.col, Path: p.String(), Problem: fmt.Sprintf(format, args...),
	})
}

// err joins the recorded problems in the order of the file.
func (d *decoder) err() error {
	slices.SortStableFunc(d.errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Problem, b.Problem))
	})
	errs := make([]error, 0, len(d.errs)+1)
	for _, e := range d.errs {
		errs = append(errs, e)
	}
	if more := d.failed - len(d.errs); more > 0 {
		errs = append(errs, &Error{File: d.name, Problem: fmt.Sprintf("%d more found; correct these first", more)})
	}
	return errors.Join(errs...)
}
