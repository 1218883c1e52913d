package tenantedge

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// App runs edges: each has a guest, a directory of tenants, and what a
// configuration file of `tenantedge serve` names besides. Handlers, matchers and the
// permission for certificates refer to an edge by its name.
//
// A reload keeps an edge whose configuration has not changed, with its directory,
// its guest and its websockets. An edge whose configuration has changed is loaded
// completely before it replaces the old one. If that fails, so does the reload, and
// the old one goes on.
type App struct {
	// The edges, by name. Modules that name none use the only one.
	Edges map[string]*Edge `json:"edges,omitempty"`

	log     slog.Handler
	running map[string]*running
	keys    []poolKey
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "tenantedge", New: func() caddy.Module { return new(App) }}
}

// Provision loads the edges that do not run yet.
func (a *App) Provision(ctx caddy.Context) error {
	a.log = ctx.Slogger().Handler()
	a.running = make(map[string]*running, len(a.Edges))
	for _, name := range slices.Sorted(maps.Keys(a.Edges)) {
		if err := a.load(ctx, name); err != nil {
			return fmt.Errorf("edge %s: %w", name, err)
		}
	}
	return nil
}

func (a *App) load(ctx caddy.Context, name string) error {
	c := a.Edges[name]
	if c == nil {
		c = new(Edge)
	}
	content, err := c.read(name)
	if err != nil {
		return err
	}
	r, key, err := content.run(name, c, a.log)
	if err != nil {
		return err
	}
	a.keys = append(a.keys, key)
	a.running[name] = r
	if err := r.server.SyncGuest(ctx); err != nil {
		return err
	}
	labels := prometheus.Labels{"edge": name}
	return prometheus.WrapRegistererWith(labels, ctx.GetMetricsRegistry()).Register(figures{r.server.Metrics()})
}

// figures are the metrics of an edge. A Server adds up those of its configurations, which
// may differ, so they are not described in advance.
type figures struct{ prometheus.Collector }

// Describe implements prometheus.Collector.
func (figures) Describe(chan<- *prometheus.Desc) {}

// Start makes the edges log as this configuration says.
func (a *App) Start() error {
	for name, r := range a.running {
		r.log.use(a.log.WithAttrs([]slog.Attr{slog.String("edge", name)}))
	}
	return nil
}

// Stop does nothing: the edges serve until Cleanup.
func (a *App) Stop() error { return nil }

// Cleanup closes the edges that no other configuration uses.
func (a *App) Cleanup() error {
	var first error
	for _, key := range a.keys {
		if _, err := pool.Delete(key); err != nil && first == nil {
			first = fmt.Errorf("edge %s: %w", key.name, err)
		}
	}
	a.keys = nil
	return first
}

// edge returns the edge of that name; empty: the only one.
func (a *App) edge(name string) (*running, error) {
	if r, ok := a.running[name]; ok {
		return r, nil
	}
	names := slices.Sorted(maps.Keys(a.running))
	switch {
	case name != "":
		return nil, fmt.Errorf("expected the name of an edge of the app tenantedge (%s), found %q", strings.Join(names, ", "), name)
	case len(names) == 1:
		return a.running[names[0]], nil
	}
	return nil, fmt.Errorf("expected the name of an edge, since the app tenantedge has %d (%s); name one", len(names), strings.Join(names, ", "))
}

// edgeOf returns the edge of that name of the configuration that is being loaded.
func edgeOf(ctx caddy.Context, name string) (*running, error) {
	app, err := ctx.AppIfConfigured("tenantedge")
	if err != nil {
		return nil, fmt.Errorf("expected the app tenantedge with an edge; add the global option tenantedge: %w", err)
	}
	return app.(*App).edge(name)
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
