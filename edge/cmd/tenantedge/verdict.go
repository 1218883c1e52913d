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

// confidence is the confidence level of the intervals that bench reports.
const confidence = 0.95

// report writes the results of bench: what each guest costs, which requests they
// decide differently, and which guest is cheaper.
func (o *benchOptions) report(out io.Writer, qs []benchQuestion, cs []*contender) {
	fmt.Fprintf(out, "%s, %s of %v for each guest\n\n", plural(len(qs), "request"), plural(o.rounds, "round"), o.time)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "guest\t\tdigest\tfuel per request\tmaximum\ttime per request\tinterval")
	for i, c := range cs {
		info := c.host.Stats().Guest
		s := benchmath.AssumeNothing.Summary(c.sample(), confidence)
		fmt.Fprintf(table, "%c\t%s\t%.12s\t%s\t%d\t%s\t%s\n", 'A'+i, c.label(), info.Digest,
			units(c.meanFuel()), slices.Max(c.fuel), duration(s.Center), interval(s))
	}
	table.Flush()
	if len(cs) < 2 {
		return
	}
	fmt.Fprintf(out, "\n%s\n%s\n%s\n", differences(qs, cs[0], cs[1]), fuelVerdict(qs, cs[0], cs[1]), timeVerdict(cs[0], cs[1]))
}

// meanFuel returns the average fuel of a request.
func (c *contender) meanFuel() float64 {
	sum := uint64(0)
	for _, f := range c.fuel {
		sum += f
	}
	return float64(sum) / float64(len(c.fuel))
}

// label returns the guest's file, with the name and version that the guest
// reports.
func (c *contender) label() string {
	info := c.host.Stats().Guest
	if own := strings.TrimSpace(info.Name + " " + info.Version); own != "" {
		return c.name + " (" + own + ")"
	}
	return c.name
}

func (c *contender) sample() *benchmath.Sample {
	return benchmath.NewSample(slices.Clone(c.times), &benchmath.DefaultThresholds)
}

// interval formats the bounds of a median. With few rounds there are none.
func interval(s benchmath.Summary) string {
	if math.IsInf(s.Lo, 0) || math.IsInf(s.Hi, 0) {
		return "none: too few rounds"
	}
	return duration(s.Lo) + " to " + duration(s.Hi)
}

// differences reports which questions two guests answer differently.
func differences(qs []benchQuestion, a, b *contender) string {
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
	case n == 1:
		return fmt.Sprintf("A and B decide one request differently: line %s; eval shows how.", lines[0])
	case n > shown:
		return fmt.Sprintf("A and B decide %d requests differently: lines %s and %d more; eval shows how.", n, strings.Join(lines[:shown], ", "), n-shown)
	default:
		return fmt.Sprintf("A and B decide %d requests differently: lines %s; eval shows how.", n, strings.Join(lines, ", "))
	}
}

// fuelVerdict reports which of two guests uses less fuel. Fuel is exact, so there
// is no interval.
func fuelVerdict(qs []benchQuestion, a, b *contender) string {
	ma, mb := a.meanFuel(), b.meanFuel()
	cheaper, worse := "A", 0
	if mb < ma {
		cheaper = "B"
	}
	// line is that of the first request for which the guest that is cheaper on average
	// costs more.
	line := 0
	for i := range qs {
		x, y := a.fuel[i], b.fuel[i]
		if cheaper == "B" {
			x, y = y, x
		}
		if x > y {
			if worse++; line == 0 {
				line = qs[i].line
			}
		}
	}
	switch {
	case ma == mb && worse == 0:
		return "Fuel: both use the same."
	case ma == mb:
		return fmt.Sprintf("Fuel: both use the same on average, but not for each request (first: line %d).", line)
	case worse == 0:
		return fmt.Sprintf("Fuel: %s is cheaper, %.1f %% less per request; exact, and the same on every machine.", cheaper, 100*(1-min(ma, mb)/max(ma, mb)))
	default:
		return fmt.Sprintf("Fuel: %s is cheaper, %.1f %% less per request on average, but more expensive for %d of them (first: line %d); exact, and the same on every machine.",
			cheaper, 100*(1-min(ma, mb)/max(ma, mb)), worse, line)
	}
}

// timeVerdict reports which of two guests takes less time, if the difference is
// significant.
func timeVerdict(a, b *contender) string {
	sa, sb := a.sample(), b.sample()
	comparison := benchmath.AssumeNothing.Compare(sa, sb)
	ma, mb := benchmath.AssumeNothing.Summary(sa, confidence).Center, benchmath.AssumeNothing.Summary(sb, confidence).Center
	if comparison.P > comparison.Alpha {
		return fmt.Sprintf("Time: no significant difference (%s).", comparison)
	}
	name, lower, higher := "A", ma, mb
	if mb < ma {
		name, lower, higher = "B", mb, ma
	}
	return fmt.Sprintf("Time: %s is cheaper, %.1f %% less per request (%s).", name, 100*(1-lower/higher), comparison)
}

// units formats an average of fuel, with one decimal unless it is an integer.
func units(f float64) string {
	if f == math.Trunc(f) {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.1f", f)
}

// duration formats nanoseconds with three significant digits and a unit.
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
