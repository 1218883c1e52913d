package measure

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/tenantedge/tenantedge/bench/web"
)

// openObserved compares a proxy that observes its requests with one that does not, and
// with that of an older commit if Options.Base is set.
func openObserved(ctx context.Context, o *Options, out *opened) error {
	work, upstream, err := openUpstream(ctx, out)
	if err != nil {
		return err
	}
	if err := web.BuildEdge(ctx, work); err != nil {
		return err
	}
	if o.Base != "" {
		tree, err := checkOut(ctx, o, out)
		if err != nil {
			return err
		}
		if err := web.BuildBase(ctx, work, tree); err != nil {
			return err
		}
	}
	collector := web.StartCollector()
	out.close = append(out.close, func() error { collector.Close(); return nil })
	length := min(loadFactor*o.Time, longestAll/time.Duration(o.Rounds))
	connections := perCore * runtime.NumCPU()
	out.notes = append(out.notes, fmt.Sprintf("connections: %d", connections), fmt.Sprintf("load-time: %v", length))
	for _, way := range web.ObservedWays() {
		if way.Name == web.ObservedBase && o.Base == "" {
			continue
		}
		s, err := way.Start(ctx, work, upstream, collector.URL)
		if err != nil {
			return err
		}
		out.close = append(out.close, s.Close)
		run := func() (web.Result, error) { return web.LoadProxy(ctx, s.Address, connections, length) }
		if _, err := run(); err != nil { // warm it up
			return fmt.Errorf("%s: %w", way.Name, err)
		}
		out.cases = append(out.cases, benchCase{name: "Observed/way=" + way.Name, own: func(context.Context) (string, error) { return timed(s, run) }})
	}
	return nil
}
