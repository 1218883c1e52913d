// Command bench measures what a routed request costs: through the guest, and
// by the same logic run natively. Cases run in turn, round by round, so that a
// machine whose speed drifts treats them alike; what is compared are medians.
//
//	go run . -rounds 10 -domains 100000
//
// Raw lines go to results/, in the format of `go test -bench`, which benchstat
// reads. Times are those of the machine they were taken on: only ratios travel.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 10, "rounds; each runs every case once")
	domains := flags.Int("domains", 100_000, "domains in the directory")
	length := flags.Duration("time", 200*time.Millisecond, "how long one case runs in one round")
	results := flags.String("results", "results", "folder for the raw log")
	if err := flags.Parse(args); err != nil {
		return err
	}
	testing.Init()
	if err := flag.CommandLine.Parse([]string{"-test.benchtime=" + length.String()}); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "bench: %d domains, %d rounds of %v a case\n", *domains, *rounds, *length)
	world, err := newWorld(ctx, *domains)
	if err != nil {
		return err
	}
	defer world.close()

	if err := os.MkdirAll(*results, 0o755); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(*results, "route.txt"))
	if err != nil {
		return err
	}
	defer log.Close()
	fmt.Fprintf(log, "goos: %s\ngoarch: %s\ngo: %s\ncpus: %d\ndomains: %d\n", runtime.GOOS, runtime.GOARCH, runtime.Version(), runtime.NumCPU(), *domains)

	cases := world.cases()
	samples := make([][]testing.BenchmarkResult, len(cases))
	for round := range *rounds {
		for i, c := range cases {
			r := testing.Benchmark(c.run)
			if r.N == 0 {
				return fmt.Errorf("%s failed", c.name)
			}
			samples[i] = append(samples[i], r)
			fmt.Fprintf(log, "BenchmarkRoute/%s %s\t%s\n", c.name, r, r.MemString())
		}
		fmt.Fprintf(stderr, "\rround %d of %d ", round+1, *rounds)
	}
	fmt.Fprintln(stderr)
	report(stdout, cases, samples)
	return log.Close()
}
