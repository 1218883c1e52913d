package main

import (
	"fmt"
	"io"
	"slices"
	"testing"
	"text/tabwriter"
)

// report prints the median of each case, its spread, and its difference from
// the first case, the baseline.
func report(w io.Writer, cases []benchCase, samples [][]testing.BenchmarkResult) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer t.Flush()
	fmt.Fprintln(t, "case\tns/op\tmin\tmax\tover native\tB/op\tallocs/op\t")
	base := 0.0
	for i, c := range cases {
		ns := make([]float64, 0, len(samples[i]))
		for _, r := range samples[i] {
			ns = append(ns, float64(r.T.Nanoseconds())/float64(r.N))
		}
		slices.Sort(ns)
		m := median(ns)
		if i == 0 {
			base = m
		}
		last := samples[i][len(samples[i])-1]
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.0f\t%+.0f ns, %.2f×\t%d\t%d\t\n", c.name, m, ns[0], ns[len(ns)-1], m-base, m/base,
			last.AllocedBytesPerOp(), last.AllocsPerOp())
	}
}

// median of sorted values.
func median(v []float64) float64 {
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
