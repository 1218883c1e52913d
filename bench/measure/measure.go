// Package measure runs the suites of benchmarks and writes their raw logs.
//
//	err := measure.Run(ctx, measure.Options{Rounds: 10, Time: measure.DefaultTime, Domains: 100_000, Folder: "results"})
package measure

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/bench/rivals"
)

// DefaultTime is how long a case runs in one round.
const DefaultTime = 200 * time.Millisecond

// Options says how to measure.
type Options struct {
	Rounds   int
	Time     time.Duration
	Domains  int
	Sockets  int // idle websockets that a server holds
	Folder   string
	Only     []string // suites; empty: all but the crowd
	Progress io.Writer
}

// suite is one file of results.
type suite struct {
	name string
	// open makes the cases. What cannot run here is told in a note. What it
	// started is closed also if it fails.
	open func(ctx context.Context, o *Options, out *opened) error
	// asked says that it runs when it is named alone: it takes all of the
	// machine.
	asked bool
}

type opened struct {
	cases []benchCase
	notes []string // lines for the log, without line feed
	close []func() error
}

// has notes the version of a server, or why it is not to be had here.
func (out *opened) has(name string, prepare func() (version string, err error)) bool {
	version, err := prepare()
	if err != nil {
		out.notes = append(out.notes, fmt.Sprintf("missing-%s: %v", name, err))
		return false
	}
	out.notes = append(out.notes, fmt.Sprintf("version-%s: %s", name, version))
	return true
}

// closeAll ends what was started, the last first.
func (out *opened) closeAll() (err error) {
	for _, c := range slices.Backward(out.close) {
		err = errors.Join(err, c())
	}
	return err
}

// benchCase is one line of the log in each round. Its name is that of a Go
// benchmark without the prefix: Route/rival=edge.
type benchCase struct {
	name string
	run  func(b *testing.B)
	// own measures without package testing's help, for what is not a loop.
	own func(ctx context.Context) (line string, err error)
	// once says that the first round is enough.
	once bool
}

var suites = []suite{
	{name: "route", open: openRoute},
	{name: "phase", open: openPhases},
	{name: "concurrent", open: openConcurrent},
	{name: "scale", open: openScale},
	{name: "http", open: openHTTP},
	{name: "swap", open: openSwap},
	{name: "sockets", open: openSockets},
	{name: "crowd", open: openCrowd, asked: true},
	{name: "files", open: openFiles},
}

// Names lists the suites.
func Names() (names []string) {
	for _, s := range suites {
		names = append(names, s.name)
	}
	return names
}

// Run measures one suite after the other.
func Run(ctx context.Context, o Options) error {
	for _, name := range o.Only {
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("expected suites among %v, found %q", Names(), name)
		}
	}
	if o.Rounds < 1 || o.Domains < 1 || o.Time <= 0 {
		return errors.New("expected at least one round, one domain and some time")
	}
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return err
	}
	if err := setBenchTime(o.Time); err != nil {
		return err
	}
	for _, s := range suites {
		if !slices.Contains(o.Only, s.name) && (s.asked || len(o.Only) > 0) {
			continue
		}
		if err := s.run(ctx, &o); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// setBenchTime tells package testing, which takes it as a flag alone.
func setBenchTime(t time.Duration) error {
	if flag.Lookup("test.benchtime") == nil {
		testing.Init()
	}
	return flag.Set("test.benchtime", t.String())
}

func (s suite) run(ctx context.Context, o *Options) (err error) {
	var out opened
	defer func() { err = errors.Join(err, out.closeAll()) }()
	if err := s.open(ctx, o, &out); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(o.Folder, s.name+".txt"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	writeMachine(log)
	fmt.Fprintf(log, "engine: %s\ndomains: %d\nrounds: %d\nround-time: %v\n", rivals.Engine, o.Domains, o.Rounds, o.Time)
	for _, n := range out.notes {
		fmt.Fprintln(log, n)
	}
	fmt.Fprintf(log, "load-before: %s\n\n", loadAverage())
	for round := range o.Rounds {
		for i, c := range out.cases {
			if err := ctx.Err(); err != nil {
				return err
			}
			if c.once && round > 0 {
				continue
			}
			fmt.Fprintf(o.Progress, "\r\033[K%s: round %d of %d, %d of %d: %s", s.name, round+1, o.Rounds, i+1, len(out.cases), c.name)
			line, err := c.measure(ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(log, "Benchmark%s\t%s\n", c.name, line)
		}
	}
	fmt.Fprintf(log, "\nload-after: %s\n", loadAverage())
	fmt.Fprintf(o.Progress, "\r\033[K%s: %d cases, %d rounds\n", s.name, len(out.cases), o.Rounds)
	return nil
}

func (c *benchCase) measure(ctx context.Context) (string, error) {
	if c.own != nil {
		return c.own(ctx)
	}
	r := testing.Benchmark(c.run)
	if r.N == 0 {
		return "", fmt.Errorf("%s failed", c.name)
	}
	return r.String() + "\t" + r.MemString(), nil
}
