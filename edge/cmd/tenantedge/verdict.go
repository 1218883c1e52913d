package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/perf/benchmath"
)

// confidence is that of the intervals that bench tells.
const confidence = 0.95

// tell writes what bench found out: first what each guest costs, then where
// they differ, then which is cheaper.
func (o *benchOptions) tell(out io.Writer, qs []asked, cs []*contender) {
	fmt.Fprintf(out, "%d requests, %d rounds of %v for each guest\n\n", len(qs), o.rounds, o.time)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "guest\t\tdigest\ttime a request\tinterval")
	for i, c := range cs {
		info := c.host.Guest()
		s := benchmath.AssumeNothing.Summary(c.sample(), confidence)
		fmt.Fprintf(table, "%c\t%s\t%.12s\t%s\t%s\n", 'A'+i, c.called(), info.Digest, duration(s.Center), interval(s))
	}
	table.Flush()
	if len(cs) < 2 {
		return
	}
	fmt.Fprintf(out, "\n%s\n%s\n", differences(qs, cs[0], cs[1]), verdict(cs[0], cs[1]))
}

// called is the guest's file, and what it calls itself.
func (c *contender) called() string {
	info := c.host.Guest()
	if own := strings.TrimSpace(info.Name + " " + info.Version); own != "" {
		return c.name + " (" + own + ")"
	}
	return c.name
}

func (c *contender) sample() *benchmath.Sample {
	return benchmath.NewSample(slices.Clone(c.times), &benchmath.DefaultThresholds)
}

// interval writes the bounds of a median. Few rounds give it none.
func interval(s benchmath.Summary) string {
	if math.IsInf(s.Lo, 0) || math.IsInf(s.Hi, 0) {
		return "none: too few rounds"
	}
	return duration(s.Lo) + " to " + duration(s.Hi)
}

// differences says which questions two guests answer differently.
func differences(qs []asked, a, b *contender) string {
	var lines []string
	for i := range qs {
		if a.answers[i] != b.answers[i] {
			lines = append(lines, fmt.Sprint(qs[i].line))
		}
	}
	const shown = 10
	switch n := len(lines); {
	case n == 0:
		return "A and B decide all requests alike."
	case n > shown:
		return fmt.Sprintf("A and B decide %d requests differently: lines %s and %d more; eval shows how.", n, strings.Join(lines[:shown], ", "), n-shown)
	default:
		return fmt.Sprintf("A and B decide %d of the requests differently: lines %s; eval shows how.", n, strings.Join(lines, ", "))
	}
}

// verdict says which of two guests is cheaper.
func verdict(a, b *contender) string {
	sa, sb := a.sample(), b.sample()
	comparison := benchmath.AssumeNothing.Compare(sa, sb)
	ma, mb := benchmath.AssumeNothing.Summary(sa, confidence).Center, benchmath.AssumeNothing.Summary(sb, confidence).Center
	if comparison.P > comparison.Alpha {
		return fmt.Sprintf("Neither is cheaper by more than chance (%s).", comparison)
	}
	name, cheap, dear := "A", ma, mb
	if mb < ma {
		name, cheap, dear = "B", mb, ma
	}
	return fmt.Sprintf("%s is cheaper: %.1f %% less time a request (%s).", name, 100*(1-cheap/dear), comparison)
}

// duration writes nanoseconds with three digits.
func duration(ns float64) string {
	unit := "ns"
	for _, next := range []string{"µs", "ms", "s"} {
		if ns < 1000 {
			break
		}
		ns, unit = ns/1000, next
	}
	digits := 2
	if ns >= 100 {
		digits = 0
	} else if ns >= 10 {
		digits = 1
	}
	return fmt.Sprintf("%.*f %s", digits, ns, unit)
}
