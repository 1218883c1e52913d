package console

import (
	"net/http"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// overviewData is what the first page shows.
type overviewData struct {
	State    State
	Traffic  traffic
	Programs []programFigures
	Warnings warnings
}

// programFigures are the distributions of a program.
type programFigures struct {
	Role  string // "running", "previous"
	Guest stats.Guest
	Time  distribution
	Fuel  distribution
	Units int // version of the unit of fuel
}

// warnings are those of `tenantedge check`.
type warnings struct {
	Named []config.Warning
	More  int // of which only the number is known
}

func (c *Console) overview(w http.ResponseWriter, r *http.Request, v *visit) {
	c.render(w, r, v, http.StatusOK, "overview", "Overview", c.overviewNow())
}

func (c *Console) overviewNow() *overviewData {
	samples, state, _ := c.history.now()
	d := &overviewData{State: state, Traffic: newTraffic(samples)}
	add := func(role string, g stats.Guest, p *stats.Program) {
		if g.Digest != "" {
			d.Programs = append(d.Programs, programFigures{
				role, g, newDistribution("time", &p.CallSeconds, seconds), newDistribution("fuel", &p.CallFuel, quantity), state.Host.Engine.FuelVersion,
			})
		}
	}
	add("running", state.Host.Guest, &state.Host.Current)
	add("previous", state.Host.Previous, &state.Host.Parked)
	found := c.options.Edge().Warnings()
	d.Warnings.Named = found.Named
	for _, n := range found.Counts {
		d.Warnings.More += max(0, n-config.MaxWarnings)
	}
	return d
}
