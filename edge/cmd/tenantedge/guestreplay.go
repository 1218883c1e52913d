package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/record"
	"github.com/tenantedge/tenantedge/edge/internal/replay"
)

func guestReplayCommand() *cobra.Command {
	var o replayOptions
	c := &cobra.Command{
		Use:   "replay --guest NEW.wasm LOG...",
		Short: "Show what a guest would have decided about recorded requests",
		Long: text(`
			replay asks a guest about the requests of logs that serve has recorded, and
			reports each one that it decides otherwise, or with other fuel. Nothing is served,
			and no database is needed: the directory, queries, files, clock and random numbers
			answer as they were recorded. To record 1 % of the requests, add to the
			configuration of serve:

			  record: {folder: /var/lib/tenantedge/requests, rate: 1%}

			LOG is a file, or a folder of files. A guest that asks for what was not recorded
			is reported with what it asked for, since its decision is then unknown; so are
			request headers that it wants and the recorded guest did not get. Of two kinds of
			requests the report says so, since a difference may not be the guest's: values of
			cookies, credentials and other secrets are redacted in the log, and outcomes that
			depended on time are not compared.

			Fuel is exact. Every change of a guest's code changes it, so allow for some percent
			with --fuel-tolerance, or --ignore "more fuel,less fuel".

			With --against, the answers of a second guest to the same records replace the
			recorded ones, so that redacted values affect both guests alike, and fuel can be
			compared with a log of an older tenantedge. What was not recorded stays unknown.
			With --config, guests get the configuration of that file, not the recorded one.

			The exit status is 0 if nothing differs, 1 if something does, and 2 if the logs
			or the guest cannot be read. Websocket messages are not recorded, only handshakes.
			https://github.com/tenantedge/tenantedge/blob/main/edge/internal/record/FORMAT.md
			describes the logs, which 'zstdcat LOG' shows.
		`),
		Example: text(`
			  tenantedge guest replay --guest new.wasm /var/lib/tenantedge/requests
			  tenantedge guest replay --guest new.wasm requests-*.zst --fuel-tolerance 5
			  tenantedge guest replay --guest new.wasm --against old.wasm requests/
			  tenantedge guest replay --guest new.wasm requests/ --json --examples 0 >report.json
		`),
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case o.guest == "":
				return usagef("guest replay: expected --guest FILE, found none")
			case len(args) == 0:
				return usagef("guest replay: expected logs, or a folder of logs, found no arguments")
			}
			return o.check()
		},
		RunE: func(c *cobra.Command, args []string) error {
			return o.run(c.Context(), args, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&o.guest, "guest", "", "guest to ask, a Wasm `FILE` or oci://registry/name:tag")
	f.StringVar(&o.against, "against", "", "guest to compare it with, a Wasm `FILE`; default: what was recorded")
	f.StringVarP(&o.config, "config", "c", "", "configuration `FILE` of the guests; default: the recorded configuration")
	f.Float64Var(&o.tolerance, "fuel-tolerance", 0, "`PERCENT` by which the fuel of a request may differ")
	f.StringSliceVar(&o.ignore, "ignore", nil, "`KINDS` of differences that do not set the exit status, such as \"reason,more fuel\"")
	f.IntVar(&o.examples, "examples", 3, "examples of each kind of difference; 0: all")
	f.IntVar(&o.workers, "workers", 0, "requests to replay at once; 0: as many as processors")
	f.BoolVar(&o.json, "json", false, "write the report as JSON")
	completeFiles(c)
	for _, name := range []string{"guest", "against"} {
		_ = c.MarkFlagFilename(name, "wasm") // fails only for flags that do not exist
	}
	return c
}

type replayOptions struct {
	guest, against, config string

	tolerance float64
	ignore    []string
	examples  int
	workers   int
	json      bool
}

// replayError is why nothing could be compared.
type replayError struct{ error }

func (e *replayError) Unwrap() error { return e.error }

func (o *replayOptions) check() error {
	for _, kind := range o.ignore {
		if !slices.Contains(replay.Kinds, kind) {
			return usagef("guest replay: --ignore: expected some of %s, found %q", strings.Join(replay.Kinds, ", "), kind)
		}
	}
	if o.tolerance < 0 || o.examples < 0 || o.workers < 0 {
		return usagef("guest replay: expected --fuel-tolerance, --examples and --workers of at least 0, found %v, %d and %d", o.tolerance, o.examples, o.workers)
	}
	return nil
}

func (o *replayOptions) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	r, err := o.replay(ctx, args, stderr)
	if err != nil {
		return &replayError{fmt.Errorf("guest replay: %w", err)}
	}
	out := bufio.NewWriter(stdout)
	if o.json {
		enc := newEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		printReplay(out, r, o.against != "")
	}
	if err := errors.Join(err, out.Flush()); err != nil {
		return &replayError{fmt.Errorf("guest replay: %w", err)}
	}
	if r.Counts(o.ignore) {
		return fmt.Errorf("guest replay: %s; the report says how", number(r.Differ, "request differs", "requests differ"))
	}
	return nil
}

// replay replays the logs that the arguments name.
func (o *replayOptions) replay(ctx context.Context, args []string, stderr io.Writer) (*replay.Report, error) {
	options := replay.Options{FuelTolerance: o.tolerance, Examples: o.examples, Workers: o.workers}
	var err error
	var registry artifact.Options
	if o.config != "" {
		file, err := loadConfig(o.config)
		if err != nil {
			return nil, err
		}
		options.Config, registry = &file.GuestConfig, registryOf(file)
	}
	if options.Guest, err = readGuest(ctx, o.guest, registry); err != nil {
		return nil, fmt.Errorf("--guest: %w", err)
	}
	if o.against != "" {
		if options.Against, err = readGuest(ctx, o.against, registry); err != nil {
			return nil, fmt.Errorf("--against: %w", err)
		}
	}
	logs, total, err := findLogs(args)
	if err != nil {
		return nil, err
	}
	r := replay.New(ctx, options)
	read := &atomic.Int64{}
	stop := showProgress(stderr, r, read, total)
	for _, path := range logs {
		if err = replayFile(r, path, read); err != nil {
			break
		}
	}
	report, ended := r.End()
	stop()
	return report, errors.Join(err, ended)
}

func replayFile(r *replay.Replay, path string, read *atomic.Int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.Log(path, &countedReader{f, read})
}

// countedReader counts what is read.
type countedReader struct {
	io.Reader
	read *atomic.Int64
}

func (c *countedReader) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.read.Add(int64(n))
	return n, err
}

// findLogs returns the logs that the arguments name, and their size in bytes.
func findLogs(args []string) (paths []string, total int64, err error) {
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, 0, expected("a log of requests, or a folder of logs", err)
		}
		if !info.IsDir() {
			paths = append(paths, arg)
			continue
		}
		found, err := record.Files(arg)
		if err != nil {
			return nil, 0, err
		}
		if len(found) == 0 {
			return nil, 0, fmt.Errorf("%s: expected logs of requests (requests-….jsonl.zst), found none", arg)
		}
		paths = append(paths, found...)
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			total += info.Size()
		}
	}
	return paths, total, nil
}

// progressEvery is the interval of the progress bar.
const progressEvery = 200 * time.Millisecond

// showProgress draws a progress bar on a terminal until stop is called.
func showProgress(stderr io.Writer, r *replay.Replay, read *atomic.Int64, total int64) (stop func()) {
	bar := progress{out: stderr, shown: isTerminal(stderr), of: 1000}
	if !bar.shown {
		return func() {}
	}
	ended, cleared := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(cleared)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				bar.clear()
				return
			case <-ticker.C:
				bar.at(int(min(1000, 1000*read.Load()/max(1, total))))
				fmt.Fprintf(stderr, "  %d requests", r.Done())
			}
		}
	}()
	return func() {
		close(ended)
		<-cleared
	}
}
