package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/fleet"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// fleetStatus is what guest status --json prints of a fleet.
type fleetStatus struct {
	Fleet   string          `json:"fleet"`
	Newest  fleet.Rollout   `json:"newest"` // id 0: there is none
	History []fleet.Rollout `json:"history"`
	Nodes   []nodeStatus    `json:"nodes"`
	// Candidate sums the figures of the edges that try the candidate. nil: there is none.
	Candidate *stats.Candidate `json:"candidate,omitempty"`
}

type nodeStatus struct {
	fleet.Node
	State      string  `json:"state"`
	AgeSeconds float64 `json:"age_seconds"` // since the last heartbeat
}

// Values of nodeStatus.State.
const (
	stateRuns     = "runs"     // as the newest rollout asks for
	stateChanging = "changing" // it has not carried out the newest rollout yet
	stateFailed   = "failed"   // it cannot
	stateStopped  = "stopped"
	stateGone     = "gone"
)

const historyShown = 10

func (f *fleetClient) status(ctx context.Context, out io.Writer, asJSON bool) error {
	s := fleetStatus{Fleet: f.store.Fleet()}
	var err error
	if s.History, err = f.store.History(ctx, historyShown); err != nil {
		return err
	}
	if len(s.History) > 0 {
		s.Newest = s.History[0]
	}
	nodes, err := f.store.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		s.Nodes = append(s.Nodes, nodeStatus{n, stateOf(&n, s.Newest.ID), n.Age.Seconds()})
	}
	s.Candidate = s.sum()
	if asJSON {
		return writeIndented(out, &s)
	}
	return s.write(terminal{out})
}

func stateOf(n *fleet.Node, newest int64) string {
	switch {
	case n.Stopped:
		return stateStopped
	case n.Gone():
		return stateGone
	case n.Failed != 0:
		return stateFailed
	case n.Rollout != newest:
		return stateChanging
	}
	return stateRuns
}

// sum adds the figures of the candidate on all edges: the one of the newest rollout,
// or else the last one.
func (s *fleetStatus) sum() *stats.Candidate {
	digest := ""
	for _, r := range s.History {
		if digest = r.Candidate.Digest; digest != "" {
			break
		}
	}
	var sum *stats.Candidate
	for i := range s.Nodes {
		c := s.Nodes[i].Report.Candidate
		if c == nil || digest == "" || c.Guest.Digest != digest || s.Nodes[i].Gone() {
			continue
		}
		if sum == nil {
			first := *c
			first.Differences = map[stats.Difference]uint64{}
			first.Judged, first.Failures, first.Differing, first.Costly, first.Dropped = 0, 0, 0, 0, 0
			first.Fuel, first.CurrentFuel, first.Seconds, first.CurrentSeconds, first.Samples = 0, 0, 0, 0, nil
			sum = &first
		}
		addCandidate(sum, c)
	}
	return sum
}

// maxSamples is how many differences of all edges are shown.
const maxSamples = 20

func addCandidate(sum, c *stats.Candidate) {
	sum.Judged += c.Judged
	sum.Failures += c.Failures
	sum.Differing += c.Differing
	sum.Costly += c.Costly
	sum.Dropped += c.Dropped
	sum.Fuel += c.Fuel
	sum.CurrentFuel += c.CurrentFuel
	sum.Seconds += c.Seconds
	sum.CurrentSeconds += c.CurrentSeconds
	for kind, n := range c.Differences {
		sum.Differences[kind] += n
	}
	if c.Began.Before(sum.Began) {
		sum.Began = c.Began
	}
	if c.Ended != "" && !strings.HasPrefix(c.Ended, "the fleet:") || sum.Ended == "" {
		sum.Ended = c.Ended // the limit, rather than what ended it elsewhere
	}
	sum.Samples = append(sum.Samples, c.Samples...)
	slices.SortFunc(sum.Samples, func(a, b stats.DifferenceSample) int { return a.At.Compare(b.At) })
	sum.Samples = sum.Samples[max(0, len(sum.Samples)-maxSamples):]
}

func (s *fleetStatus) write(out io.Writer) error {
	names := s.names()
	var b strings.Builder
	if s.Newest.ID == 0 {
		fmt.Fprintf(&b, "fleet %s has no rollout: each edge runs the guest of its configuration\n", s.Fleet)
	} else {
		fmt.Fprintf(&b, "fleet %s, %s\nruns       %s\n", s.Fleet, s.Newest.Describe(), names.describe(s.Newest.Current))
	}
	if s.Newest.Candidate.Digest != "" && s.Candidate == nil {
		fmt.Fprintf(&b, "candidate  %s: no edge tries it yet\n", names.describe(s.Newest.Candidate))
	}
	if s.Candidate != nil {
		_ = writeCandidate(&b, s.Candidate) // a Builder never fails
	}
	if len(s.Nodes) == 0 {
		fmt.Fprintf(&b, "No edge of this fleet has reported. Edges have its name in fleet.name of their configuration.\n")
	}
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "\nEDGE\tSTATE\tGUEST\tROLLOUT\tSEEN\tHOST\n")
	for _, n := range s.Nodes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%v ago\t%s\n", n.Name, n.State, describeGuest(n.Report.Guest), n.Rollout, n.Age.Round(time.Second), n.Host)
	}
	_ = t.Flush()
	for _, n := range s.Nodes {
		if n.Error != "" {
			fmt.Fprintf(&b, "%s cannot carry out rollout %d: %s\n", n.Name, n.Failed, n.Error)
		}
	}
	if len(s.History) > 0 {
		t = tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
		fmt.Fprintf(t, "\nROLLOUT\tAT\tACTION\tRUNS\tTRIES\tWHO\tWHY\n")
		for _, r := range s.History {
			tries := "-"
			if r.Candidate.Digest != "" {
				tries = fmt.Sprintf("%.12s", r.Candidate.Digest)
			}
			runs := "-"
			if r.Current.Digest != "" {
				runs = fmt.Sprintf("%.12s", r.Current.Digest)
			}
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.At.Local().Format(time.DateTime), r.Action, runs, tries, r.Who, r.Why)
		}
		_ = t.Flush()
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// guestNames are the names of guests by digest, as edges report them.
type guestNames map[string]stats.Guest

func (s *fleetStatus) names() guestNames {
	names := guestNames{}
	for i := range s.Nodes {
		report := &s.Nodes[i].Report
		names[report.Guest.Digest] = report.Guest
		if report.Candidate != nil {
			names[report.Candidate.Guest.Digest] = report.Candidate.Guest
		}
	}
	return names
}

func (names guestNames) describe(r fleet.Ref) string {
	text := describeRef(r)
	if g, ok := names[r.Digest]; ok && r.Digest != "" {
		text = strings.TrimSpace(g.Name+" "+g.Version) + ", " + text
	}
	return text
}

// writeIndented writes JSON for people and programs.
func writeIndented(out io.Writer, v any) error {
	e := newEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
