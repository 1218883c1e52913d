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
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/bench/rivals"
)

// DefaultTime is the default duration of a case in one round.
const DefaultTime = 200 * time.Millisecond

// Options configures Run.
type Options struct {
	Rounds   int           // each runs every case once
	Time     time.Duration // of a case in one round
	Domains  int           // in the table
	Sockets  int           // idle websockets per server
	Folder   string        // receives one raw log per suite
	Only     []string      // suites to run; empty means all except the crowd
	Base     string        // commit whose benchmark the suites route and observed run too; empty: none
	Short    bool          // leaves out what takes minutes to build, unless it has been built
	Progress io.Writer
}

// suite is a group of cases whose results share one log file.
type suite struct {
	name string
	// open adds the cases to out, and a note for each case that cannot run on
	// this machine. The caller calls out.closeAll even if open fails.
	open func(ctx context.Context, o *Options, out *opened) error
	// explicit suites run only if Options.Only names them: they need the
	// whole machine.
	explicit bool
}

type opened struct {
	cases []benchCase
	notes []string // lines for the log, without newlines
	close []func() error
}

// has notes the version of a server, or why the server is not available, and
// reports whether it is.
func (out *opened) has(name string, prepare func() (version string, err error)) bool {
	version, err := prepare()
	if err != nil {
		out.notes = append(out.notes, fmt.Sprintf("missing-%s: %v", name, err))
		return false
	}
	out.notes = append(out.notes, fmt.Sprintf("version-%s: %s", name, version))
	return true
}

// closeAll calls the close functions in reverse order.
func (out *opened) closeAll() (err error) {
	for _, c := range slices.Backward(out.close) {
		err = errors.Join(err, c())
	}
	return err
}

// benchCase is one line of the log in each round. Its name is a Go benchmark
// name without the prefix "Benchmark": Route/rival=edge.
type benchCase struct {
	name string
	run  func(b *testing.B)
	// own replaces run for cases that are not loops.
	own func(ctx context.Context) (line string, err error)
	// rounds limits the case to the first rounds; zero: all.
	rounds int
}

var suites = []suite{
	{name: "route", open: openRoute},
	{name: "phase", open: openPhases},
	{name: "instructions", open: openInstructions},
	{name: "concurrent", open: openConcurrent},
	{name: "scale", open: openScale},
	{name: "http", open: openHTTP},
	{name: "proxy", open: openProxies},
	{name: "memory", open: openMemory},
	{name: "swap", open: openSwap},
	{name: "sockets", open: openSockets},
	{name: "crowd", open: openCrowd, explicit: true},
	{name: "files", open: openFiles},
	{name: "languages", open: openLanguages},
	{name: "caddy", open: openCaddy, explicit: true},
	{name: "observed", open: openObserved, explicit: true},
}

// Names returns the names of the suites.
func Names() (names []string) {
	for _, s := range suites {
		names = append(names, s.name)
	}
	return names
}

// Run runs the suites one after another and writes their logs to o.Folder.
func Run(ctx context.Context, o Options) error {
	for _, name := range o.Only {
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("measure: expected suites among %v, found %q", Names(), name)
		}
	}
	if o.Rounds < 1 || o.Domains < 1 || o.Time <= 0 {
		return fmt.Errorf("measure: expected at least one round, one domain and a positive time, found %d, %d and %v", o.Rounds, o.Domains, o.Time)
	}
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return err
	}
	if err := setBenchTime(o.Time); err != nil {
		return err
	}
	for _, s := range suites {
		if !slices.Contains(o.Only, s.name) && (s.explicit || len(o.Only) > 0) {
			continue
		}
		if err := s.run(ctx, &o); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// setBenchTime sets the duration of testing.Benchmark, which only reads it from
// a flag.
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
		// Another order in each round: a case pays for what the one before it has left to do.
		order := rand.New(rand.NewPCG(uint64(round), 0)).Perm(len(out.cases))
		for i, of := range order {
			c := &out.cases[of]
			if err := ctx.Err(); err != nil {
				return err
			}
			if c.rounds > 0 && round >= c.rounds {
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
		return "", fmt.Errorf("measure: %s failed", c.name)
	}
	return r.String() + "\t" + r.MemString(), nil
}
