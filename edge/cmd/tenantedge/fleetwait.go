package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/internal/fleet"
)

// waitOptions are the flags with which a command waits until a fleet has changed.
type waitOptions struct {
	nodes   string // a number, all, or a duration; empty: the command does not wait
	timeout time.Duration
}

func (w *waitOptions) add(c *cobra.Command) {
	c.Flags().StringVar(&w.nodes, "wait", "", "wait until this `NUMBER` of the fleet's edges, or all, have carried it out; a duration is all with that --timeout")
	c.Flags().DurationVar(&w.timeout, "timeout", 5*time.Minute, "how long to wait at most")
}

// parse returns how many nodes to wait for, 0 for all, and how long.
func (w *waitOptions) parse() (nodes int, timeout time.Duration, err error) {
	if w.nodes == "all" {
		return 0, w.timeout, nil
	}
	if n, err := strconv.Atoi(w.nodes); err == nil && n > 0 {
		return n, w.timeout, nil
	}
	if d, err := time.ParseDuration(w.nodes); err == nil && d > 0 {
		return 0, d, nil
	}
	return 0, 0, usagef("--wait: expected a number of edges, all, or a duration such as 2m, found %q", w.nodes)
}

func (w *waitOptions) check() error {
	if w.nodes == "" {
		return nil
	}
	_, _, err := w.parse()
	return err
}

const (
	waitLook = 100 * time.Millisecond
	// refusalPatience is how long edges have to try again before the command gives up.
	refusalPatience = 3 * time.Second
)

// waiting is a command that waits for a rollout.
type waiting struct {
	store   *fleet.Store
	out     io.Writer
	id      int64
	nodes   int // 0: all
	began   time.Time
	printed map[string]string // the last line about each node
	refused time.Time         // since when only refusals are missing; zero: they are not
}

// run waits until the fleet has carried out a rollout. The error says which edges have
// not, and why.
func (w *waitOptions) run(ctx context.Context, out io.Writer, store *fleet.Store, id int64) error {
	if w.nodes == "" {
		return nil
	}
	nodes, timeout, err := w.parse()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	waits := &waiting{store: store, out: terminal{out}, id: id, nodes: nodes, began: time.Now(), printed: map[string]string{}}
	tick := time.NewTicker(waitLook)
	defer tick.Stop()
	missing := "no answer of the database"
	for {
		done, found, err := waits.look(ctx)
		if ctx.Err() == nil { // else the time was up while it looked
			if done || err != nil {
				return err
			}
			missing = found
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("expected the edges to carry out rollout %d within %v, found %s; it stays, and they go on trying: look at guest status", id, timeout, missing)
			}
			return ctx.Err()
		}
	}
}

// look prints what has changed. missing describes the edges that are not there yet.
func (w *waiting) look(ctx context.Context) (done bool, missing string, err error) {
	nodes, err := w.store.Nodes(ctx)
	if err != nil {
		return false, "a database that does not answer", nil // it may come back
	}
	newest, err := w.store.Newest(ctx)
	if err == nil && newest.ID > w.id {
		return false, "", fmt.Errorf("expected rollout %d to stay the newest one, found %s", w.id, newest.Describe())
	}
	var carriedOut, live int
	var refused, pending []string
	for i := range nodes {
		n := &nodes[i]
		if n.Gone() {
			continue
		}
		live++
		switch {
		case n.Rollout >= w.id:
			carriedOut++
			w.print(n.Name, fmt.Sprintf("runs %s after %.1fs (fetched in %.2fs, loaded in %.2fs)", describeGuest(n.Report.Guest), time.Since(w.began).Seconds(), n.Report.FetchSeconds, n.Report.LoadSeconds))
		case n.Failed == w.id:
			refused = append(refused, n.Name+": "+n.Error)
			w.print(n.Name, "cannot: "+n.Error)
		default:
			pending = append(pending, n.Name+" has not answered")
		}
	}
	want := w.nodes
	if want == 0 {
		want = max(live, 1)
	}
	if carriedOut >= want {
		fmt.Fprintf(w.out, "%d of %d edges have carried it out\n", carriedOut, live)
		return true, "", nil
	}
	others := append(refused, pending...)
	if live < want {
		others = append(others, "only "+number(uint64(live), "edge reports", "edges report"))
	}
	missing = fmt.Sprintf("%d of %d: %s", carriedOut, want, strings.Join(others, "; "))
	if len(refused) == 0 || live-len(refused) >= want {
		w.refused = time.Time{}
		return false, missing, nil
	}
	// They try again, for example if a registry did not answer.
	if w.refused.IsZero() {
		w.refused = time.Now()
	}
	if time.Since(w.refused) < refusalPatience {
		return false, missing, nil
	}
	return false, missing, fmt.Errorf("expected %d edges to carry out rollout %d, found %s; guest rollback returns to the guest before", want, w.id, missing)
}

// print prints a line about a node, once. The times in it do not make it another line.
func (w *waiting) print(node, line string) {
	known, _, _ := strings.Cut(line, " after ")
	if w.printed[node] != known {
		w.printed[node] = known
		fmt.Fprintf(w.out, "  %s %s\n", node, line)
	}
}
