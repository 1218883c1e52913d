package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/perf/benchmath"
)

const (
	swapNone = "Swap/guest=none"
	swapKept = "Swap/guest=kept"
	swapNew  = "Swap/guest=new"
)

var swapTitles = map[string]string{
	swapNone: "no swap",
	swapKept: "swaps between two guests that are kept compiled",
	swapNew:  "a swap to a new guest, compiled under load",
}

// underSwaps writes the section about swaps under load.
func (p *page) underSwaps() error {
	l := p.swap
	if l == nil {
		return nil
	}
	p.printf("\n## Swaps under load\n\n%s keep-alive connections, %s per load. Every response was checked; a single wrong or failed one ends the benchmark. Client, server and compiler share %s cores.\n\n",
		l.config["connections"], l.config["load-time"], l.config["cores"])
	p.printf("| | swaps per load | time per swap | requests/s | relative to no swap | p50 | p99 | relative to no swap | resident memory after | open files after |\n| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	for _, name := range []string{swapNone, swapKept, swapNew} {
		took := "–"
		if t, ok := l.figure(name, "swap-ns"); ok {
			took = nanoseconds(t.median)
		}
		rate, p99 := at(l, name, "req/s"), at(l, name, "p99-ns")
		p.printf("| %s | %s | %s | %s | %s | %s | %s | %s | %.0f MB | %s |\n", swapTitles[name], count(at(l, name, "swaps")), took,
			count(rate), times(rate/at(l, swapNone, "req/s")), nanoseconds(at(l, name, "p50-ns")), nanoseconds(p99), times(p99/at(l, swapNone, "p99-ns")),
			at(l, name, "resident-bytes")/1e6, count(at(l, name, "files")))
	}
	var curves []curve
	for i, name := range []string{swapNone, swapKept, swapNew} {
		c := curve{label: [...]string{"no swap", "kept guests", "new guest"}[i], colour: [...]int{floor, third, ours}[i]}
		for _, slice := range l.names {
			ms, err := strconv.ParseFloat(part(slice, "at"), 64)
			// A slice without responses has no 99th percentile.
			if f, ok := l.figure(slice, "p99-ns"); ok && f.low > 0 && err == nil && strings.HasPrefix(slice, name+"/") {
				c.x, c.y = append(c.x, ms), append(c.y, f)
			}
		}
		if len(c.x) == 0 {
			return nil // no slices in the log
		}
		curves = append(curves, c)
	}
	return p.plot("swap.svg", "p99 of requests while guests are swapped", lines{
		title: "99th percentile of the round trip while guests are swapped", note: "medians over the rounds, for each fiftieth of the load; the first swap begins after a fifth",
		logY: true, xUnit: count, yUnit: nanoseconds, xTitle: "milliseconds since the start of the load",
	}.draw(curves))
}

// swapGoals compares the swap suite with its goals.
func (p *page) swapGoals() (all []goal) {
	l := p.swap
	for _, m := range []struct {
		name  string
		limit float64
	}{{swapNew, 1.2}, {swapKept, 2}} {
		ratio := at(l, m.name, "p99-ns") / at(l, swapNone, "p99-ns")
		all = append(all, goal{"p99 relative to no swap: " + swapTitles[m.name], fmt.Sprintf("≤ %g×", m.limit), times(ratio), ratio <= m.limit, true})
	}
	if worst := l.worstSlice(swapNew); !math.IsNaN(worst) {
		all = append(all, goal{
			"requests in the worst fiftieth of the load, " + l.sliceLength() + ", relative to the rest: " + swapTitles[swapNew], "≥ 0.6×",
			times(worst) + "; without a swap " + times(l.worstSlice(swapNone)), worst >= 0.6, true,
		})
	}
	memory := at(l, swapNew, "resident-bytes") / at(l, swapNone, "resident-bytes")
	files := at(l, swapNew, "files") - at(l, swapNone, "files")
	return append(all, goal{"resident memory and open files after swaps, compared with none", "±5 %, no more files",
		fmt.Sprintf("%+.1f %%, %+.0f files", 100*(memory-1), files), math.Abs(memory-1) <= 0.05 && files <= 0, true})
}

// worstSlice returns the number of requests in the worst slice of a load relative
// to the mean of its other slices: the median over the rounds, not a number if
// there are no slices.
func (l *log) worstSlice(load string) float64 {
	var rounds [][]float64 // requests per second in the slices of each round
	for _, name := range l.names {
		if !strings.HasPrefix(name, load+"/at=") {
			continue
		}
		for i, rate := range l.samples[name]["req/s"] {
			if i == len(rounds) {
				rounds = append(rounds, nil)
			}
			rounds[i] = append(rounds[i], rate)
		}
	}
	var ratios []float64
	for _, rates := range rounds {
		worst, sum := slices.Min(rates), 0.0
		for _, r := range rates {
			sum += r
		}
		if rest := (sum - worst) / float64(len(rates)-1); rest > 0 {
			ratios = append(ratios, worst/rest)
		}
	}
	if len(ratios) == 0 {
		return math.NaN()
	}
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(ratios, &benchmath.DefaultThresholds), confidence).Center
}

// sliceLength returns the length of a fiftieth of a load, such as 100ms.
func (l *log) sliceLength() string {
	length, _ := time.ParseDuration(l.config["load-time"])
	return (length / 50).String()
}
