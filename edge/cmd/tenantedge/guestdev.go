package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/cases"
	"github.com/tenantedge/tenantedge/edge/internal/scaffold"
)

func guestDevCommand() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "dev [DIR] [--config FILE]",
		Short: "Build and serve a guest, and again after each change",
		Long: text(`
			dev builds the project in DIR (default: the current folder) as guest build does,
			and serves it with the project's tenantedge.yaml. When a file of the project
			changes, dev builds the guest again, swaps it in, and runs the cases in the file
			cases.yaml of the project. If the compiler or the host rejects a guest, the reason
			is printed and the previous guest stays in service. Cases that fail are printed.

			Each request, what the guest logs, and its failures are printed. If nothing listens
			at the address of an upstream on this machine, dev does, and answers with the
			request that arrived. If a listener's port is in use, dev takes the next free one.

			Ctrl-C ends it.
		`),
		Example: text(`
			  tenantedge guest dev
			  tenantedge guest dev myguest --config production.yaml
		`),
		Args: argCount("at most one DIR", 0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			dir := projectDir(args)
			if path == "" {
				path = filepath.Join(dir, configName)
			}
			if err := developGuest(c.Context(), dir, path, c.OutOrStdout()); err != nil {
				return fmt.Errorf("guest dev: %w", err)
			}
			return nil
		},
	}
	configFlag(c, &path)
	c.Flags().Lookup("config").Usage = "configuration `FILE`; default: tenantedge.yaml in DIR"
	return c
}

// developGuest builds and serves a guest until ctx or a signal ends it.
func developGuest(ctx context.Context, dir, path string, out io.Writer) (err error) {
	project, err := scaffold.Open(dir)
	if err != nil {
		return err
	}
	ctx, later, stop := untilSignal(ctx, quietLogger())
	defer stop()
	d := &development{project: project, path: path, out: &lines{out: out}, force: later.interrupt}
	changes := project.Watch(ctx)
	defer func() { err = errors.Join(err, d.server.stop()) }()
	for changed := time.Now(); ; {
		err := d.update(ctx, changed)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
		case d.server != nil:
			d.out.say("the previous guest stays in service: %v", err)
		case d.config == nil && !errors.Is(err, scaffold.ErrBuild) && !errors.Is(err, edge.ErrGuestRefused):
			return err // nothing has been served yet, so it is no edit that can be undone
		default:
			d.out.say("nothing is served until a change corrects this: %v", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-d.server.end():
			return err
		case changed = <-changes:
		}
	}
}

// development is a guest under development.
type development struct {
	project *scaffold.Project
	path    string // of the configuration
	out     *lines
	force   <-chan struct{} // closed to interrupt open requests
	server  *devServer      // nil: nothing is served
	config  []byte          // that server has
	fuel    uint64          // of the cases with the last guest; 0: not known
}

// update builds the guest, and serves it or swaps it in. changed is the time of the
// change that is the reason.
func (d *development) update(ctx context.Context, changed time.Time) error {
	wasm, err := d.project.Build(ctx, d.out)
	if err != nil {
		return err
	}
	config, err := os.ReadFile(d.path)
	if err != nil {
		return fmt.Errorf("expected a configuration, which 'guest new' writes; --config names another: %w", err)
	}
	if d.server == nil || !bytes.Equal(config, d.config) {
		if err := d.restart(ctx, wasm); err != nil {
			return err
		}
		d.config = config
		d.out.say("serving %s: %s bytes%s", scaffold.Output, thousands(len(wasm)), d.check(ctx, wasm))
		return nil
	}
	report, err := d.server.Host().Swap(ctx, wasm)
	if err != nil {
		return err
	}
	action := "swapped"
	if report.Unchanged {
		action = "unchanged, built"
	}
	took := time.Since(changed)
	d.out.say("%s %.1f s after the change: %s bytes%s", action, took.Seconds(), thousands(len(wasm)), d.check(ctx, wasm))
	return nil
}

// restart serves wasm with the configuration as it is now.
func (d *development) restart(ctx context.Context, wasm []byte) error {
	file, err := loadConfig(d.path) // before the server stops
	if err != nil {
		return err
	}
	if err := d.server.stop(); err != nil {
		return err
	}
	d.server = nil
	d.server, err = d.serve(ctx, file, wasm)
	return err
}

// check runs the cases of the project with a guest. It prints those that fail, and
// returns the end of the line about the guest.
func (d *development) check(ctx context.Context, wasm []byte) string {
	path := filepath.Join(d.project.Dir, casesName)
	file, err := cases.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	var results []cases.Result
	if err == nil {
		results, _, err = runCases(ctx, wasm, file)
	}
	if ctx.Err() != nil {
		return ""
	}
	if err != nil {
		return fmt.Sprintf("; cannot run the cases: %v", err)
	}
	failed, fuel := 0, uint64(0)
	for i := range results {
		fuel += results[i].Fuel
		if !results[i].Passed() {
			failed++
			printResult(terminal{d.out}, &results[i])
		}
	}
	text := fmt.Sprintf("; cases: %d passed, %d failed, fuel %d", len(results)-failed, failed, fuel)
	if d.fuel > 0 && fuel != d.fuel {
		text += fmt.Sprintf(" (%+d)", int64(fuel)-int64(d.fuel))
	}
	d.fuel = fuel
	return text
}

// casesName is the file of cases in a project.
const casesName = "cases.yaml"

// lines writes lines with the time of day, from several goroutines. What compilers
// print is written as it is.
type lines struct {
	mu  sync.Mutex
	out io.Writer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

func (l *lines) say(format string, args ...any) {
	fmt.Fprintf(terminal{l}, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
