package instructions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/tenantedge/tenantedge/bench/rivals"
	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// RunCommand is the command with which the benchmark's executable is the counted
// program.
const RunCommand = "count"

// Run is the counted program. The arguments are the name of a rival, the number n
// of requests and a folder for compiled guests. It warms the rival up, writes a
// line, routes n requests, writes a line, routes 2n, and writes a line. It routes
// on one thread and collects no garbage meanwhile.
func Run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	if len(args) != 3 {
		return fmt.Errorf("%s: expected a rival, a number of requests and a folder, found %q", RunCommand, args)
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	t, err := table.New(domains)
	if err != nil {
		return err
	}
	t.CompileCache = args[2]
	r, err := startRival(ctx, args[0], t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	w, err := r.Worker()
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	runtime.GC()
	debug.SetGCPercent(-1)
	for _, requests := range []int{n, n, 2 * n} {
		if err := route(ctx, w, t, requests); err != nil {
			return err
		}
		if _, err := io.WriteString(stdout, "\n"); err != nil {
			return err
		}
	}
	return nil
}

// domains is the number of domains in the table. Instructions do not depend on
// the processor's caches, so a small table suffices.
const domains = 1000

func startRival(ctx context.Context, name string, t *table.Table) (rivals.Rival, error) {
	for _, e := range rivals.All() {
		if e.Name == name {
			return e.Start(ctx, t)
		}
	}
	return nil, fmt.Errorf("instructions: expected the name of a rival, found %q", name)
}

func route(ctx context.Context, w rivals.Worker, t *table.Table, n int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	q := table.Request("")
	for i := range n {
		q.Host = t.Hosts[i%len(t.Hosts)]
		if a, err := w.Route(ctx, &q); err != nil || a.Outcome != abi.Tenant {
			return fmt.Errorf("%s: expected a tenant, found %v, %w", q.Host, a, err)
		}
	}
	return nil
}
