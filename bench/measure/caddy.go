package measure

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/tenantedge/tenantedge/bench/web"
)

// caddySites are the ways in which Caddy serves tenants. Its own sites are read
// one after another for each request and each takes memory, so there is no case
// with 100,000.
var caddySites = []web.CaddySite{
	{Way: web.CaddyBare, Tenants: 1000},
	{Way: web.CaddyRouted, Tenants: 1000},
	{Way: web.CaddyServe, Tenants: 1000},
	{Way: web.CaddySites, Tenants: 1000},
	{Way: web.CaddyBare, Tenants: 100_000},
	{Way: web.CaddyRouted, Tenants: 100_000},
	{Way: web.CaddyServe, Tenants: 100_000},
	{Way: web.CaddySites, Tenants: 10_000},
}

// openCaddy compares Caddy with the modules of edge/caddy with Caddy alone.
func openCaddy(ctx context.Context, o *Options, out *opened) error {
	length := min(loadFactor*o.Time, longestAll/time.Duration(o.Rounds))
	connections := perCore * runtime.NumCPU()
	out.notes = append(out.notes, fmt.Sprintf("connections: %d", connections), fmt.Sprintf("load-time: %v", length))
	work, upstream, err := openUpstream(ctx, out)
	if err != nil {
		return err
	}
	version, err := web.BuildCaddyModules(ctx, work)
	if err != nil {
		return err
	}
	out.notes = append(out.notes, "version-caddy: "+version)
	for i := range caddySites {
		c := &caddySites[i]
		s, err := c.Start(ctx, work, upstream)
		if err != nil {
			return err
		}
		out.close = append(out.close, s.Close)
		run := func() (web.Result, error) { return c.Load(ctx, s.Address, connections, length) }
		if _, err := run(); err != nil { // warm it up
			return fmt.Errorf("%s with %d tenants: %w", c.Way, c.Tenants, err)
		}
		name := fmt.Sprintf("way=%s/tenants=%d", c.Way, c.Tenants)
		out.cases = append(out.cases,
			benchCase{name: "Caddy/" + name, own: func(context.Context) (string, error) { return timed(s, run) }},
			benchCase{name: "CaddyReload/" + name, rounds: reloadRounds, own: func(ctx context.Context) (string, error) { return reloaded(ctx, c, s) }})
	}
	return nil
}

// reloadRounds limits the reloads: 10,000 sites take seconds.
const reloadRounds = 3

// reloaded returns the line for the log: how long a reload takes, and the memory
// after it.
func reloaded(ctx context.Context, c *web.CaddySite, s *web.Server) (string, error) {
	took, err := c.Reload(ctx)
	if err != nil {
		return "", err
	}
	memory, err := s.Memory()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("1\t%d reload-ns\t%d resident-bytes", took.Nanoseconds(), memory.Resident), nil
}
