// Package smoke tries a guest in a child process before the host loads it. Some
// modules make the compiler exhaust memory or raise a fault, from which Go cannot
// recover: such a module kills the child and not the server.
//
//	func main() {
//		smoke.Main(edge.Try) // returns at once, except in the child
//		…
//		host, err := edge.New(ctx, edge.Config{SmokeRun: smoke.Run, …})
//	}
//
// The child has an empty environment and limited wall time. On Linux, resource
// limits bound its memory and processor time too.
package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	// marker is the environment variable that makes a process the child.
	marker = "TENANTEDGE_SMOKE_RUN"
	// timeout bounds a trial. Loading the default guest takes one to two seconds
	// on an idle machine.
	timeout = 2 * time.Minute
	// maxOutput bounds what is read of the child's output, in bytes.
	maxOutput = 128 << 10
	// maxError bounds the error of a verdict, in bytes. JSON may encode one byte as six.
	maxError = maxOutput / 8
)

// expected begins the errors that the guest causes.
const expected = "expected the guest to load and to answer in a child process, found "

// Run tries a guest in a new process of this program, and returns an error if
// the guest fails, or if the process crashes, hangs or exceeds its limits. The
// process is killed when ctx ends, or after two minutes. If a process in the
// background has no verdict after 30 seconds, another one is started that is not.
//
// The program must call Main before anything else in main.
func Run(ctx context.Context, t Trial) error {
	return runner{timeout: timeout}.run(ctx, t)
}

// Main runs try and exits, in a process that Run started. In any other process
// it returns at once. Call it before anything else in main, and in TestMain of
// tests that swap guests; try is edge.Try.
func Main(try func(context.Context, Trial) error) {
	if os.Getenv(marker) != "" {
		os.Exit(child(os.Stdin, os.Stdout, try))
	}
}

// runner starts child processes.
type runner struct {
	timeout time.Duration
	command []string // program and arguments; nil: this program
}

func (r runner) run(ctx context.Context, t Trial) error {
	if os.Getenv(marker) != "" {
		return errors.New("expected the child process to call smoke.Main, found that it starts another trial; call smoke.Main first in main")
	}
	if t.Background && hasBackground {
		background := runner{timeout: r.timeout / 4, command: r.command}
		err := background.try(ctx, t)
		if !errors.Is(err, errLate) {
			return err
		}
		r.timeout -= background.timeout
		t.Background = false
	}
	return r.try(ctx, t)
}

// errLate means that a child had no verdict in time.
var errLate = errors.New("check why compiling or configuring the guest takes this long")

// try tries a guest in one child.
func (r runner) try(ctx context.Context, t Trial) error {
	header, err := t.encode()
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	cmd, err := r.cmd(limited)
	if err != nil {
		return err
	}
	stdout, stderr := &prefix{max: maxOutput}, &prefix{max: maxOutput}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = io.MultiReader(bytes.NewReader(header), bytes.NewReader(t.Wasm)), stdout, stderr
	if err := cmd.Start(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("expected to start this program as a child process, found %w; allow it to start processes", err)
	}
	exit := cmd.Wait() // an error if cmd was not started
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%sno verdict before the caller's context ended: %w", expected, ctx.Err())
	case limited.Err() != nil:
		return fmt.Errorf("%sno verdict after %v; %w", expected, r.timeout, errLate)
	}
	var v verdict
	invalid := json.Unmarshal(stdout.bytes, &v)
	switch {
	case invalid == nil && v.Error != "":
		return errors.New(expected + v.Error)
	case invalid == nil && v.Passed && exit == nil:
		return nil
	case exit != nil:
		return fmt.Errorf("%sthat the process ended with %w%s; the guest would have ended this process too", expected, exit, firstLine(stderr.bytes))
	}
	return fmt.Errorf("expected the verdict of a trial, found %.100q; call smoke.Main first in main", stdout.bytes)
}

func (r runner) cmd(ctx context.Context) (*exec.Cmd, error) {
	command := r.command
	if command == nil {
		path, err := executable()
		if err != nil {
			return nil, fmt.Errorf("expected to find the executable of this process, to start it as a child process: %w", err)
		}
		command = []string{path, "smoke-run"} // the argument shows in ps, and is not read
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Env = []string{marker + "=1"}
	c.WaitDelay = time.Second // a grandchild may hold the pipes open
	return c, nil
}

// executable returns the path of this program. On Linux it names the running
// program even after an update has replaced the file, whose engine may differ.
func executable() (string, error) {
	const self = "/proc/self/exe"
	if _, err := os.Stat(self); err == nil {
		return self, nil
	}
	return os.Executable()
}

// firstLine returns the first line that a crashed process wrote, where Go states the
// reason.
func firstLine(stderr []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(stderr)), "\n")
	if line == "" {
		return ""
	}
	return fmt.Sprintf(": %.300s", line)
}

// prefix keeps the first max bytes that are written to it.
type prefix struct {
	max   int
	bytes []byte
}

func (w *prefix) Write(p []byte) (int, error) {
	w.bytes = append(w.bytes, p[:min(len(p), w.max-len(w.bytes))]...)
	return len(p), nil
}
