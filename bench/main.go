// Command bench measures what a routed request costs, beside the same logic
// run natively and beside others that could do the work.
//
//	go run . run             measure, and write raw logs to results/*.txt
//	go run . run -short      the same in a minute, to try things out
//	go run . report          make results/REPORT.md and its plots from the logs
//
// Cases take turns, round by round, so that a machine whose speed drifts treats
// them alike; what is told are medians with the 95 % interval that benchstat
// gives them. Logs have the format of `go test -bench`, which benchstat reads.
// Times are those of the machine they were taken on: only ratios travel.
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
  run [flags]      measure, and write raw logs
  report [flags]   make the report and its plots from the logs
Each tells its flags with -help`

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
	flags.IntVar(&o.Rounds, "rounds", 10, "rounds; each runs every case once")
	flags.DurationVar(&o.Time, "time", measure.DefaultTime, "how long a case runs in one round")
	flags.IntVar(&o.Domains, "domains", 100_000, "domains in the table")
	flags.StringVar(&o.Folder, "results", "results", "folder for the raw logs")
	flags.IntVar(&o.Sockets, "sockets", measure.DefaultSockets, "idle websockets that a server holds")
	only := flags.String("only", "", "suites to run, separated by commas: "+strings.Join(measure.Names(), ", "))
	short := flags.Bool("short", false, "few and short rounds: figures to look at, not to quote")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *short {
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
	folder := flags.String("results", "results", "folder of the raw logs, and for the report")
	if err := flags.Parse(args); err != nil {
		return err
	}
	path, err := report.Write(*folder)
	if err == nil {
		fmt.Fprintln(stdout, path)
	}
	return err
}
