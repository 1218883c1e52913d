package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/explain"
)

func newBench() *cobra.Command {
	var o benchOptions
	c := &cobra.Command{
		Use:   "bench --config FILE --requests FILE [--guest A.wasm] [--against B.wasm]",
		Short: "Measure a guest, or compare two guests, on your own requests",
		Long: text(`
			bench routes the requests of a file with a guest and reports the cost of one
			request. Nothing is served: bench uses the same host as serve, with the directory
			and the TENANTS table of the configuration.

			The file has one JSON object per line, in the format of eval (op route or websocket):

			  {"op":"route","target":"/x","headers":[["host","a.example.com"]]}

			Use requests of the kinds that your users send, in the same proportions; a few
			lines are enough.

			bench reports fuel first. Fuel measures what the guest executes. It is exact, and
			the same for the same guest and request on every machine, so a single run compares
			two guests. It does not include the work of the host.

			Time comes second. With --against, a second guest routes the same requests. The
			guests take turns, round by round, so that other load on the machine slows both
			alike. The report gives the median of the rounds, its 95 % confidence interval, and
			whether the difference is significant (a Mann-Whitney U test, p < 0.05, as in
			benchstat). The times are those of this machine; only which guest is cheaper, and
			by what ratio, applies to other machines.

			bench also lists the requests that the two guests decide differently. Check these
			first: a guest that is cheaper because it is wrong is no improvement.
		`),
		Example: text(`
			  tenantedge bench -c tenantedge.yaml --requests requests.jsonl
			  tenantedge bench -c tenantedge.yaml --requests requests.jsonl \
			    --guest new.wasm --against old.wasm
			  tenantedge bench -c tenantedge.yaml --requests requests.jsonl \
			    --against new.wasm --rounds 30    # compared with the configured guest
		`),
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.run(c.Context(), c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	configFlag(c, &o.config)
	f := c.Flags()
	f.StringVarP(&o.requests, "requests", "r", "", "`FILE` of requests, one JSON object per line; - reads standard input")
	f.StringVar(&o.guest, "guest", "", "guest to measure, a Wasm `FILE`; default: the configured guest, or else the built-in one")
	f.StringVar(&o.against, "against", "", "guest to compare it with, a Wasm `FILE`")
	f.IntVar(&o.rounds, "rounds", 15, "number of rounds; the confidence interval needs at least 6")
	f.DurationVar(&o.time, "time", 100*time.Millisecond, "how long each guest routes requests in a round")
	for _, name := range []string{"guest", "against"} {
		_ = c.MarkFlagFilename(name, "wasm") // fails only for flags that do not exist
	}
	return c
}

type benchOptions struct {
	config, requests, guest, against string

	rounds int
	time   time.Duration
}

func (o *benchOptions) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	switch {
	case o.requests == "":
		return usagef("bench: expected --requests FILE, found none")
	case o.rounds < 1 || o.time <= 0:
		return usagef("bench: expected --rounds and --time above zero, found %d and %v", o.rounds, o.time)
	}
	questions, err := o.questions(stdin)
	if err != nil {
		return err
	}
	contenders, err := o.contenders(ctx)
	defer func() {
		for _, c := range contenders {
			c.close()
		}
	}()
	if err != nil {
		return err
	}
	for _, c := range contenders {
		if err := c.prepare(ctx, questions); err != nil {
			return err
		}
	}
	bar := progress{out: stderr, shown: isTerminal(stderr), of: o.rounds * len(contenders)}
	for range o.rounds {
		for _, c := range contenders {
			if err := c.round(ctx, o.time); err != nil {
				bar.clear()
				return err
			}
			bar.step()
		}
	}
	bar.clear()
	out := bufio.NewWriter(stdout)
	o.report(out, questions, contenders)
	return out.Flush()
}

// benchQuestion is a question and its line number.
type benchQuestion struct {
	question
	line int
}

// questions reads the file of requests.
func (o *benchOptions) questions(stdin io.Reader) (qs []benchQuestion, err error) {
	in, name := stdin, "standard input"
	if o.requests != "-" {
		f, err := os.Open(o.requests)
		if err != nil {
			return nil, fmt.Errorf("--requests: %w", expected("a file of requests", err))
		}
		defer f.Close()
		in, name = f, o.requests
	}
	r := bufio.NewReader(in)
	for line := 1; ; line++ {
		b, err := readLine(r)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		if len(bytes.TrimSpace(b)) > 0 {
			q := benchQuestion{line: line}
			if err := q.parse(b); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, line, err)
			}
			if q.Op != "route" && q.Op != "websocket" {
				return nil, fmt.Errorf("%s:%d: op: expected route or websocket, found %q; bench measures no other questions", name, line, q.Op)
			}
			qs = append(qs, q)
		}
		if err != nil {
			break
		}
	}
	if len(qs) == 0 {
		return nil, fmt.Errorf("%s: expected one JSON object per line, found none", name)
	}
	return qs, nil
}

// contenders creates a host for each guest. The hosts share one directory.
func (o *benchOptions) contenders(ctx context.Context) ([]*contender, error) {
	file, err := loadConfig(o.config)
	if err != nil {
		return nil, err
	}
	parts, err := openLoaded(ctx, file, quietLogger())
	if err != nil {
		return nil, err
	}
	guests := []string{o.guest}
	if o.against != "" {
		guests = append(guests, o.against)
	}
	var all []*contender
	for i, path := range guests {
		config := parts.Config
		name := "the configured guest"
		if path != "" {
			name = path
			if config.Guest, err = readGuest(ctx, path, registryOf(file)); err != nil {
				return all, fmt.Errorf("--%s: %w", [...]string{"guest", "against"}[i], err)
			}
		} else if config.Guest == nil {
			name = "the built-in guest"
		}
		host, err := edge.New(ctx, config)
		if err != nil {
			return all, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, &contender{name: name, evaluator: &evaluator{file: file, host: host, notes: &explain.Notes{}}})
	}
	all[len(all)-1].parts = parts // closed after the last host
	return all, nil
}
