package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/tenantedge/tenantedge/edge/internal/replay"
)

// number formats a count with its noun.
func number(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// printReplay writes a report as text.
func printReplay(out io.Writer, r *replay.Report, against bool) {
	other := "recorded"
	if against {
		other = "--against"
	}
	fmt.Fprintf(out, "%s, replayed with %.12s%s\n", number(r.Requests, "request", "requests"), r.Candidate.Digest, named(r))
	for _, digest := range slices.Sorted(maps.Keys(r.Recorded)) {
		fmt.Fprintf(out, "  %d recorded with %.12s\n", r.Recorded[digest], digest)
	}
	fmt.Fprintf(out, "%d same, %d differ", r.Same, r.Differ)
	if r.Skipped > 0 {
		fmt.Fprintf(out, ", %d not compared: a deadline passed, or the client disconnected", r.Skipped)
	}
	fmt.Fprintln(out)
	for _, note := range r.Notes {
		fmt.Fprintln(out, "note:", note)
	}
	for _, name := range slices.Sorted(maps.Keys(r.MissingHeaders)) {
		fmt.Fprintf(out, "missing header: the guest asks for %s, which was not recorded for %s: it was replayed as absent\n",
			name, number(r.MissingHeaders[name], "request", "requests"))
	}
	printKinds(out, r.Kinds)
	for i := range r.Kinds {
		printExamples(out, &r.Kinds[i], other)
	}
	printFuel(out, &r.Fuel, other)
}

func named(r *replay.Report) string {
	if own := strings.TrimSpace(r.Candidate.Name + " " + r.Candidate.Version); own != "" {
		return " (" + own + ")"
	}
	return ""
}

func printKinds(out io.Writer, kinds []replay.Kind) {
	if len(kinds) == 0 {
		return
	}
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "difference\trequests\twith redacted values")
	for _, k := range kinds {
		fmt.Fprintf(table, "%s\t%d\t%d\n", k.Kind, k.Count, k.Redacted)
	}
	table.Flush()
}

func printExamples(out io.Writer, k *replay.Kind, other string) {
	fmt.Fprintf(out, "\n%s, %d of %d:\n", k.Kind, len(k.Examples), k.Count)
	for _, d := range k.Examples {
		fmt.Fprintf(out, "  %s: %s\n", d.Where, d.Request)
		if len(d.Redacted) > 0 {
			fmt.Fprintf(out, "    redacted, which may be the cause: %s\n", strings.Join(d.Redacted, ", "))
		}
		for _, asked := range d.NotRecorded {
			fmt.Fprintf(out, "    not recorded: %s\n", asked)
		}
		if d.Found > 0 {
			fmt.Fprintf(out, "    fuel: %s %d, found %d (%+.1f %%)\n", other, d.Recorded, d.Found, 100*(float64(d.Found)/float64(max(1, d.Recorded))-1))
		}
		if len(d.Fields) > 0 {
			rows := [][3]string{{"field", other, "found"}}
			for _, f := range d.Fields {
				rows = append(rows, [3]string{f.Name, orNone(f.Recorded), orNone(f.Found)})
			}
			printTable(out, rows)
		}
	}
}

func printFuel(out io.Writer, f *replay.Fuel, other string) {
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "fuel\tmean\tmedian\t90 %\t99 %\t99.9 %\tmaximum")
	for _, row := range []struct {
		name string
		d    replay.Distribution
	}{{other, f.Recorded}, {"found", f.Found}} {
		d := row.d
		fmt.Fprintf(table, "%s\t%.0f\t%d\t%d\t%d\t%d\t%d\n", row.name, d.Mean, d.P50, d.P90, d.P99, d.P999, d.Max)
	}
	table.Flush()
}
