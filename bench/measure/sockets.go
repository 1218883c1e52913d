package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantedge/tenantedge/bench/process"
	"github.com/tenantedge/tenantedge/bench/sockets"
)

// DefaultSockets fits into processes that may open 20,000 files.
const DefaultSockets = 15_000

const (
	echoSockets = 100
	fewMembers  = 1_000
	manyMembers = 10_000
)

// openSockets compares websocket servers. daphne gets a tenth of the idle
// sockets and no group of manyMembers, which would take minutes.
func openSockets(ctx context.Context, o *Options, out *opened) error {
	length := min(loadFactor*o.Time, longestAll/time.Duration(o.Rounds))
	out.notes = append(out.notes, fmt.Sprintf("load-time: %v", length))
	for _, e := range sockets.Servers() {
		if e.Prepare != nil && !out.has(e.Name, func() (string, error) { return e.Prepare(ctx) }) {
			continue
		}
		idle, groups := o.Sockets, []int{min(fewMembers, o.Sockets), manyMembers}
		if o.Sockets < manyMembers {
			groups = groups[:1]
		}
		if e.Prepare != nil {
			idle, groups = idle/10, groups[:1]
		}
		if e.Relays {
			idle, groups = idle/2, groups[:1]
		}
		out.cases = append(out.cases, benchCase{name: "Idle/server=" + e.Name, own: func(ctx context.Context) (string, error) {
			return idleCost(ctx, e.Start, idle)
		}})
		if e.TLS() {
			secure := max(o.Sockets/5, 1) // TLS handshakes are slow
			out.cases = append(out.cases, benchCase{name: "IdleTLS/server=" + e.Name, own: func(ctx context.Context) (string, error) {
				return idleCost(ctx, e.StartTLS, secure)
			}})
		}
		s, err := e.Start(ctx)
		if err != nil {
			return err
		}
		out.close = append(out.close, s.Close)
		out.cases = append(out.cases, benchCase{name: "Echo/server=" + e.Name, own: func(ctx context.Context) (string, error) {
			return withSockets(ctx, s, sockets.EchoPath, echoSockets, func(g *sockets.Group) (float64, error) { return g.Echo(length) })
		}})
		for _, members := range groups {
			for _, outstanding := range []int{1, 16} {
				name := fmt.Sprintf("FanOut/server=%s/members=%d/outstanding=%d", e.Name, members, outstanding)
				out.cases = append(out.cases, benchCase{name: name, own: func(ctx context.Context) (string, error) {
					return withSockets(ctx, s, sockets.GroupPath, members, func(g *sockets.Group) (float64, error) { return g.FanOut(outstanding, length) })
				}})
			}
		}
	}
	return nil
}

// withSockets opens n sockets, runs load on them and returns the line for the
// log.
func withSockets(ctx context.Context, s *sockets.Server, path string, n int, load func(*sockets.Group) (float64, error)) (string, error) {
	g, err := sockets.Open(ctx, s.Target, path, n)
	if err != nil {
		return "", err
	}
	before, cpuErr := s.CPUTime()
	start := time.Now()
	rate, err := load(g)
	if err := errors.Join(err, g.Close()); err != nil {
		return "", err
	}
	messages := rate * time.Since(start).Seconds()
	line := fmt.Sprintf("%8d\t%10.0f messages/s", int(messages), rate)
	if after, err := s.CPUTime(); err == nil && cpuErr == nil && after > before {
		line += fmt.Sprintf("\t%10.1f cpu-ns/message", float64(after-before)/messages)
	}
	return line, nil
}

// idleCost measures the memory per idle socket of a new server.
func idleCost(ctx context.Context, start func(context.Context) (*sockets.Server, error), n int) (line string, err error) {
	s, err := start(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	// The first sockets allocate what the others share.
	warm, err := sockets.Open(ctx, s.Target, sockets.GroupPath, echoSockets)
	if err != nil {
		return "", err
	}
	before, err := resourcesOf(ctx, s)
	if err != nil {
		return "", errors.Join(err, warm.Close())
	}
	g, err := sockets.Open(ctx, s.Target, sockets.GroupPath, n)
	if err != nil {
		return "", errors.Join(err, warm.Close())
	}
	after, err := resourcesOf(ctx, s)
	return fmt.Sprintf("%8d\t%10d bytes/socket", n, (after.Resident-before.Resident)/n), errors.Join(err, g.Close(), warm.Close())
}

// resourcesOf returns the resources that a server holds after a garbage collection.
func resourcesOf(ctx context.Context, s *sockets.Server) (process.Usage, error) {
	if err := s.Collect(ctx); err != nil {
		return process.Usage{}, err
	}
	return s.Usage()
}
