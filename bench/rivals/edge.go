package rivals

import (
	"context"
	"log/slog"

	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Engine describes what edge.Host of this version does around each call. The
// logs contain it: an engine that does less cannot reach the goals.
const Engine = FullEngine

// FullEngine is the value of Engine if everything that the goals require is on.
const FullEngine = "metered instances, pristine for each request"

// edgeVariants are the engine with its defaults and with parts switched off.
var edgeVariants = []struct {
	name, title string
	change      func(*edge.Config)
}{
	{Edge, "tenantedge", func(*edge.Config) {}},
	{Unreset, "tenantedge without reset", func(c *edge.Config) { c.UnsafeNoReset = true }},
}

func edgeEntries() []Entry {
	var entries []Entry
	for _, v := range edgeVariants {
		entries = append(entries, Entry{Name: v.name, Title: v.title, Engine: true, Scales: v.name == Edge, Start: func(ctx context.Context, t *table.Table) (Rival, error) {
			config := t.EdgeConfig()
			config.Logger = slog.New(slog.DiscardHandler)
			v.change(&config)
			host, err := edge.New(ctx, config)
			if err != nil {
				return nil, err
			}
			return &edgeRival{host}, nil
		}})
	}
	return entries
}

// edgeRival is edge.Host.
type edgeRival struct{ host *edge.Host }

func (e *edgeRival) Worker() (Worker, error) { return hostWorker{e.host}, nil }
func (e *edgeRival) Close() error            { return e.host.Close() }

// Fuel returns the fuel that the guest uses for a request.
func (e *edgeRival) Fuel(ctx context.Context, q *edge.Request) (uint64, error) {
	before := e.host.Stats().Current.Fuel
	_, err := e.host.Route(ctx, q)
	return e.host.Stats().Current.Fuel - before, err
}

// hostWorker is a worker of the baseline and of our engine, which it calls alike.
type hostWorker struct {
	host interface {
		Route(ctx context.Context, q *edge.Request) (edge.Decision, error)
	}
}

func (w hostWorker) Route(ctx context.Context, q *edge.Request) (Answer, error) {
	d, err := w.host.Route(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Outcome: d.Outcome}
	if d.Outcome == abi.Tenant {
		a.Schema, a.Path = d.Tenant.Schema, d.Tenant.Path
	}
	return a, nil
}
