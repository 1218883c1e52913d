package measure

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/bench/web"
)

// A load over HTTP runs longer than other cases, since the kernel counts
// processor time in ticks of 10 ms, but at most a minute per server in total.
const (
	loadFactor = 5
	longestAll = time.Minute
	// perCore connections per core keep all cores busy without long queues.
	perCore = 8
)

// openHTTP compares servers, each in its own process on this machine.
func openHTTP(ctx context.Context, o *Options, out *opened) error {
	t, err := table.New(o.Domains)
	if err != nil {
		return err
	}
	length := min(loadFactor*o.Time, longestAll/time.Duration(o.Rounds))
	connections := perCore * runtime.NumCPU()
	plan := web.Plan{Hosts: t.Hosts, Connections: connections, Length: length}
	out.notes = append(out.notes, fmt.Sprintf("connections: %d", connections), fmt.Sprintf("load-time: %v", length))
	for _, e := range web.Servers() {
		if e.Prepare != nil && !out.has(e.Name, func() (string, error) { return e.Prepare(ctx) }) {
			continue
		}
		s, err := e.Start(ctx, o.Domains)
		if err != nil {
			return err
		}
		out.close = append(out.close, s.Close)
		if _, err := web.Load(ctx, s.Address, plan); err != nil { // warm it up
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		out.cases = append(out.cases, benchCase{name: "HTTP/server=" + e.Name, own: func(ctx context.Context) (string, error) {
			return load(ctx, s, plan)
		}})
	}
	return nil
}

func load(ctx context.Context, s *web.Server, p web.Plan) (string, error) {
	return timed(s, func() (web.Result, error) { return web.Load(ctx, s.Address, p) })
}

// timed runs a load on a server and returns its line for the log, which includes
// the server's processor time.
func timed(s *web.Server, run func() (web.Result, error)) (string, error) {
	before, cpuErr := s.CPUTime()
	r, err := run()
	if err != nil {
		return "", err
	}
	n := float64(r.Requests)
	line := fmt.Sprintf("%8d\t%10.1f ns/op\t%10.0f req/s\t%10d p50-ns\t%10d p99-ns", r.Requests, float64(r.Took)/n, n/r.Took.Seconds(), r.P50, r.P99)
	if after, err := s.CPUTime(); err == nil && cpuErr == nil && after > before { // a load shorter than a tick may count as zero
		line += fmt.Sprintf("\t%10.1f cpu-ns/op", float64(after-before)/n)
	}
	return line, nil
}
