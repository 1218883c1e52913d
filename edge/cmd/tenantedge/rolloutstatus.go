package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/stats"
)

// describeGuest returns the name, version and digest of a guest in a few words.
func describeGuest(g stats.Guest) string {
	if g.Digest == "" {
		return "none"
	}
	return strings.TrimSpace(fmt.Sprintf("%.12s %s %s", g.Digest, g.Name, g.Version))
}

// writeStatus prints the guests of an edge.
func writeStatus(out io.Writer, h *stats.Host) error {
	var traps uint64
	for _, n := range h.Current.Traps {
		traps += n
	}
	fuel := uint64(0)
	if h.Current.Calls > 0 {
		fuel = h.Current.Fuel / h.Current.Calls
	}
	_, err := fmt.Fprintf(out, "runs       %s: %d calls, %d failed, %d units of fuel for each\nprevious   %s\n",
		describeGuest(h.Guest), h.Current.Calls, traps, fuel, describeGuest(h.Previous))
	if err != nil || h.Candidate == nil {
		return err
	}
	return writeCandidate(out, h.Candidate)
}

// writeCandidate prints the trial of a guest.
func writeCandidate(out io.Writer, c *stats.Candidate) error {
	var b strings.Builder
	fmt.Fprintf(&b, "candidate  %s: %s since %s", describeGuest(c.Guest), howTried(c), c.Began.Local().Format(time.DateTime))
	if c.Ended != "" {
		fmt.Fprintf(&b, "; it ended: %s", c.Ended)
	}
	fmt.Fprintf(&b, "\n           %d requests: %d failed, %d differ, %d cost too much", c.Judged, c.Failures, c.Differing, c.Costly)
	if c.Dropped > 0 {
		fmt.Fprintf(&b, "; %d were left out", c.Dropped)
	}
	if c.CurrentFuel > 0 && c.CurrentSeconds > 0 {
		fmt.Fprintf(&b, "; %.2f times the fuel and %.2f times the time of the guest that runs", float64(c.Fuel)/float64(c.CurrentFuel), c.Seconds/c.CurrentSeconds)
	}
	b.WriteByte('\n')
	for _, kind := range slices.Sorted(maps.Keys(c.Differences)) {
		fmt.Fprintf(&b, "           %d in %s\n", c.Differences[kind], kind)
	}
	for i := range c.Samples {
		s := &c.Samples[i]
		fmt.Fprintf(&b, "  %s %s %s%s\n    runs       %s\n    candidate  %s\n", s.At.Local().Format(time.TimeOnly), s.Method, s.Host, s.Path, s.Current, s.Candidate)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// howTried describes which requests a candidate decides.
func howTried(c *stats.Candidate) string {
	if c.Shadow > 0 {
		return fmt.Sprintf("a shadow of %g %% of the requests", c.Shadow*100)
	}
	var parts []string
	if c.Canary > 0 {
		parts = append(parts, fmt.Sprintf("%g %% of the tenants", c.Canary*100))
	}
	if len(c.Tenants) > 0 {
		parts = append(parts, strings.Join(c.Tenants, ", "))
	}
	if c.Header != "" {
		parts = append(parts, "the header "+c.Header)
	}
	return "a canary for " + cmp.Or(strings.Join(parts, " and "), "no request")
}
