// Command bench measures the cost of a routed request and compares it with the
// same logic run natively and with other ways to run it.
//
//	go run . run             measure and write raw logs to results/*.txt
//	go run . run -short      the same in about a minute, to try things out
//	go run . report          generate results/REPORT.md and its plots from the logs
//
// Each round runs every case once, so that a drift in the machine's speed
// affects all cases alike. The report shows medians with their 95 % confidence
// intervals, computed as benchstat does. Logs have the format of `go test -bench`.
// Absolute times depend on the machine; compare ratios only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/tenantedge/tenantedge/bench/instructions"
	"github.com/tenantedge/tenantedge/bench/measure"
	"github.com/tenantedge/tenantedge/bench/report"
	"github.com/tenantedge/tenantedge/bench/sockets"
	"github.com/tenantedge/tenantedge/bench/web"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/smoke"
)

func main() {
	smoke.Main(edge.Try)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const usage = `bench: expected one of
  run [flags]      measure and write raw logs
  report [flags]   generate the report and its plots from the logs
-help lists the flags of each`

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	command := ""
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	var err error
	switch command {
	case "run":
		err = runMeasure(ctx, args, stderr)
	case "report":
		err = runReport(args, stdout, stderr)
	case instructions.RunCommand:
		err = instructions.Run(ctx, args, stdout)
	case web.ServeFilesCommand:
		err = web.ServeFiles(ctx, args)
	case web.ServeCommand:
		err = web.Serve(ctx, args, stdin, stdout)
	case sockets.ServeCommand:
		err = sockets.Serve(ctx, args, stdin, stdout)
	case sockets.HoldCommand:
		err = sockets.RunHold(ctx, args, stdin, stdout)
	default:
		fmt.Fprintln(stderr, usage)
		return 2
	}
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}

func runMeasure(ctx context.Context, args []string, stderr io.Writer) error {
	o := measure.Options{Progress: stderr}
	flags := flag.NewFlagSet("bench run", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.Rounds, "rounds", 10, "number of rounds; each runs every case once")
	flags.DurationVar(&o.Time, "time", measure.DefaultTime, "duration of a case in one round")
	flags.IntVar(&o.Domains, "domains", 100_000, "number of domains in the table")
	flags.StringVar(&o.Folder, "results", "results", "folder for the raw logs")
	flags.IntVar(&o.Sockets, "sockets", measure.DefaultSockets, "number of idle websockets per server")
	flags.StringVar(&o.Base, "base", "", "older commit to compare the suites route and observed with, in the same run")
	only := flags.String("only", "", "comma-separated suites to run: "+strings.Join(measure.Names(), ", "))
	flags.BoolVar(&o.Short, "short", false, "run few, short rounds, and build nothing that takes minutes; the figures are too noisy to quote")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.Short {
		o.Rounds, o.Time = 3, measure.DefaultTime/4
	}
	if *only != "" {
		o.Only = strings.Split(*only, ",")
	}
	return measure.Run(ctx, o)
}

func runReport(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench report", flag.ContinueOnError)
	flags.SetOutput(stderr)
	folder := flags.String("results", "results", "folder that holds the raw logs and receives the report")
	if err := flags.Parse(args); err != nil {
		return err
	}
	path, err := report.Write(*folder)
	if err == nil {
		fmt.Fprintln(stdout, path)
	}
	return err
}
