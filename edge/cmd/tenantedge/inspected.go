package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/tenantedge/tenantedge/edge/internal/inspect"
)

// writeInspected writes a report for people.
func writeInspected(to io.Writer, r *inspect.Report) error {
	out := &strings.Builder{}
	fmt.Fprintf(out, "%s: %s bytes, SHA-256 %s\n", r.File, thousands(r.Bytes), r.Digest)
	if r.Signature != "" {
		fmt.Fprintf(out, "signature %s\n", r.Signature)
	}
	if r.Toolchain != nil { // nil for a file that is no module
		writeToolchain(out, r.Toolchain)
		writeContract(out, r)
		writeSizes(out, r)
	}
	if m := r.Meter; m != nil {
		fmt.Fprintf(out, "\nThe meter, with which the host counts and bounds the guest's work, adds\n")
		fmt.Fprintf(out, "  %s of code, from %s to %s\n", more(m.CodeBefore, m.CodeAfter, "bytes"), thousands(m.CodeBefore), thousands(m.CodeAfter))
		fmt.Fprintf(out, "  %s, from %s to %s\n", more(m.InstructionsBefore, m.InstructionsAfter, "instructions"), thousands(m.InstructionsBefore), thousands(m.InstructionsAfter))
		fmt.Fprintf(out, "  at %s it counts fuel, at %s it compares the fuel with the limit, at %s it marks memory that it writes\n",
			plural(m.Charges, "place"), plural(m.Checks, "place"), plural(m.Marks, "place"))
	}
	if s := r.Setup; s != nil {
		fmt.Fprintf(out, "\nLoaded: ABI version %d, %s\n", s.ABI, ownName(s))
		fmt.Fprintf(out, "  fuel: initialization %s, te_configure %s, te_self_test %s\n", thousands(s.Fuel.Initialize), thousands(s.Fuel.Configure), thousands(s.Fuel.SelfTest))
		fmt.Fprintf(out, "  memory from which every request starts: %s bytes\n", thousands(s.ImageBytes))
	}
	if len(r.Hints) > 0 {
		fmt.Fprintf(out, "\nHints\n  - %s\n", strings.Join(r.Hints, "\n  - "))
	}
	if r.Refusal != "" {
		fmt.Fprintf(out, "\nRefused\n  %s\n", refusalText(r.Refusal))
	}
	_, err := io.WriteString(terminal{to}, out.String())
	return err
}

// refusalText shows what the guest printed last, in lines.
func refusalText(s string) string {
	cause, rest, found := strings.Cut(s, "; the guest printed ")
	quoted, err := strconv.QuotedPrefix(rest)
	if !found || err != nil {
		return strings.ReplaceAll(s, "\n", "\n  ")
	}
	cause += rest[len(quoted):]
	printed, _ := strconv.Unquote(quoted) // it is quoted
	return strings.ReplaceAll(cause, "\n", "\n  ") + "\n  the guest printed\n    " + strings.ReplaceAll(printed, " | ", "\n    ")
}

func writeToolchain(out io.Writer, t *inspect.Toolchain) {
	var parts []string
	if t.Path != "" {
		parts = append(parts, "package "+t.Path)
	}
	parts = append(parts, t.Producers...)
	if len(parts) == 0 {
		parts = []string{"an unknown toolchain, since it names none"}
	}
	fmt.Fprintf(out, "built from %s\n", strings.Join(parts, ", "))
	if len(t.Settings) > 0 {
		fmt.Fprintf(out, "with %s\n", strings.Join(t.Settings, " "))
	}
}

func writeContract(out io.Writer, r *inspect.Report) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nExports")
	for _, e := range r.Exports {
		about := e.About
		if about == "" {
			about = "unknown: the host does not use it"
		}
		fmt.Fprintf(table, "  %s\t%s %s\t%s\n", e.Name, e.Kind, e.Signature, about)
	}
	if len(r.Missing) > 0 {
		fmt.Fprintln(table, "\nFunctions that it does not export")
	}
	for _, m := range r.Missing {
		kind := "optional: "
		if m.Required {
			kind = "required: "
		}
		fmt.Fprintf(table, "  %s\t%s%s\n", m.Name, kind, m.Instead)
	}
	if len(r.Imports) > 0 {
		fmt.Fprintln(table, "\nImports")
	}
	for _, i := range r.Imports {
		about := i.About
		if about == "" {
			about = "unknown: the host does not provide it"
		}
		fmt.Fprintf(table, "  %s.%s\t%s %s\t%s\n", i.Module, i.Name, i.Kind, i.Signature, about)
	}
	table.Flush()
	if r.Omitted > 0 {
		fmt.Fprintf(out, "  (%s are omitted)\n", plural(r.Omitted, "more export or import"))
	}
}

func writeSizes(out io.Writer, r *inspect.Report) {
	switch m := r.Memory; {
	case m == nil:
		fmt.Fprintln(out, "\nMemory: it defines none")
	case m.Max == nil:
		fmt.Fprintf(out, "\nMemory: %d pages of 64 KiB, no maximum: that of the host applies\n", m.Min)
	default:
		fmt.Fprintf(out, "\nMemory: %d pages of 64 KiB, at most %d\n", m.Min, *m.Max)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nSections\t     bytes\tentries")
	for _, s := range r.Sections {
		note := ""
		switch {
		case s.Dropped:
			note = "dropped by the host"
		case s.Entries > 0:
			note = thousands(s.Entries)
		}
		fmt.Fprintf(table, "  %s\t%10s\t%s\n", s.Name, thousands(s.Bytes), note)
	}
	if len(r.Functions) > 0 {
		fmt.Fprintln(table, "\nLargest functions\t     bytes")
	}
	for _, f := range r.Functions {
		name := f.Name
		if name == "" {
			name = fmt.Sprintf("function %d", f.Index)
		}
		fmt.Fprintf(table, "  %s\t%10s\n", name, thousands(f.Bytes))
	}
	table.Flush()
}

func ownName(s *inspect.Setup) string {
	if s.Name == "" {
		return "without a name"
	}
	return strings.TrimSpace(s.Name + " " + s.Version)
}

// more returns by how much after exceeds before.
func more(before, after int, what string) string {
	if before == 0 {
		return fmt.Sprintf("%s %s", thousands(after-before), what)
	}
	return fmt.Sprintf("%s %s (%.0f %%)", thousands(after-before), what, 100*float64(after-before)/float64(before))
}

// thousands formats a number with commas.
func thousands[N int | uint64](n N) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
