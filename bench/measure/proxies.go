package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/tenantedge/tenantedge/bench/process"
	"github.com/tenantedge/tenantedge/bench/web"
)

// openProxied calls add for each proxy that is available on this machine. All
// have the same upstream, a process of its own.
func openProxied(ctx context.Context, o *Options, out *opened, add func(p web.Proxy, work, upstream string) error) error {
	work, upstream, err := openUpstream(ctx, out)
	if err != nil {
		return err
	}
	for _, p := range web.Proxies() {
		if !out.has(p.Name, func() (string, error) { return p.Prepare(ctx, work, !o.Short) }) {
			continue
		}
		if err := add(p, work, upstream); err != nil {
			return err
		}
	}
	return nil
}

// openUpstream makes a work folder for proxies, and starts their upstream at an
// address.
func openUpstream(ctx context.Context, out *opened) (work, address string, err error) {
	work, err = web.MakeProxyFolder()
	out.close = append(out.close, func() error { return os.RemoveAll(work) })
	if err != nil {
		return "", "", err
	}
	upstream, err := web.StartUpstream(ctx, work)
	if err != nil {
		return "", "", err
	}
	out.close = append(out.close, upstream.Close)
	return work, upstream.Address, nil
}

// openProxies compares proxies, each in its own process.
func openProxies(ctx context.Context, o *Options, out *opened) error {
	length := min(loadFactor*o.Time, longestAll/time.Duration(o.Rounds))
	connections := perCore * runtime.NumCPU()
	out.notes = append(out.notes, fmt.Sprintf("connections: %d", connections), fmt.Sprintf("load-time: %v", length))
	return openProxied(ctx, o, out, func(p web.Proxy, work, upstream string) error {
		s, err := p.Start(ctx, work, upstream)
		if err != nil {
			return err
		}
		out.close = append(out.close, s.Close)
		run := func() (web.Result, error) { return web.LoadProxy(ctx, s.Address, connections, length) }
		if _, err := run(); err != nil { // warm it up
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		out.cases = append(out.cases, benchCase{name: "Proxy/server=" + p.Name, own: func(context.Context) (string, error) {
			return timed(s, run)
		}})
		return nil
	})
}

// Memory is measured after a pause in which servers release what only their
// start needs. A load lasts until the memory has grown as far as it does.
const (
	restTime     = 3 * time.Second
	memoryLoad   = 3 * time.Second
	memoryRounds = 5
)

// openMemory measures the resident memory of the proxies at rest after their
// start and under load. Ours has one domain, and compiles its guest or loads it
// from the cache.
func openMemory(ctx context.Context, o *Options, out *opened) error {
	rest, length := min(restTime, 15*o.Time), min(memoryLoad, 15*o.Time)
	connections, rounds := perCore*runtime.NumCPU(), memoryRounds
	if o.Short { // compiling a guest takes seconds
		rounds = 1
	}
	out.notes = append(out.notes, fmt.Sprintf("connections: %d", connections), fmt.Sprintf("load-time: %v", length), fmt.Sprintf("rest-time: %v", rest))
	return openProxied(ctx, o, out, func(p web.Proxy, work, upstream string) error {
		add := func(name string, before func(string) error) {
			out.cases = append(out.cases, benchCase{name: "Memory/server=" + name, rounds: rounds, own: func(ctx context.Context) (line string, err error) {
				if err := before(work); err != nil {
					return "", err
				}
				s, err := p.Start(ctx, work, upstream)
				if err != nil {
					return "", err
				}
				defer func() { err = errors.Join(err, s.Close()) }()
				return memoryOf(ctx, s, rest, func() error { _, err := web.LoadProxy(ctx, s.Address, connections, length); return err })
			}})
		}
		if p.Name == web.EdgeProxy {
			add(p.Name+"-cold", web.ClearEdgeCache)
		}
		add(p.Name, func(string) error { return nil }) // the cases run in this order: the cache is full
		return nil
	})
}

// memoryOf returns the line for the log: the memory of a server at rest after its
// start, and during a load.
func memoryOf(ctx context.Context, s *web.Server, rest time.Duration, load func() error) (string, error) {
	if err := pause(ctx, rest); err != nil {
		return "", err
	}
	idle, err := s.Memory()
	if err != nil {
		return "", err
	}
	loaded := make(chan error, 1)
	go func() { loaded <- load() }()
	var busy process.Memory
	for { // the last reading before the load ends is kept
		now, err := s.Memory()
		if err != nil {
			return "", errors.Join(err, <-loaded)
		}
		busy = now
		select {
		case err := <-loaded:
			return fmt.Sprintf("1\t%d start-resident-bytes\t%d start-proportional-bytes\t%d load-resident-bytes\t%d load-proportional-bytes\t%d peak-resident-bytes",
				idle.Resident, idle.Proportional, busy.Resident, busy.Proportional, busy.Peak), err
		case <-time.After(rest / 10):
		}
	}
}

// pause waits for a time, or until ctx is cancelled.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
