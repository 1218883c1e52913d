package console

import (
	"context"
	"net/http"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/fleet"
)

// fleetData is what the page about the fleet shows.
type fleetData struct {
	*Fleet         // nil: the edge is alone
	Problem string // why the database cannot be read
	Target  int64  // the newest rollout
}

// fleetTime bounds reading the fleet's tables.
const fleetTime = 5 * time.Second

func (c *Console) fleet(w http.ResponseWriter, r *http.Request, v *visit) {
	ctx, cancel := context.WithTimeout(r.Context(), fleetTime)
	defer cancel()
	d := &fleetData{}
	var err error
	if !c.begin(ctx) {
		err = ctx.Err()
	} else {
		defer c.end()
		d.Fleet, err = c.options.Edge().Fleet(ctx)
	}
	if err != nil {
		d.Problem = sentence(err.Error())
	}
	if d.Fleet != nil && len(d.History) > 0 {
		d.Target = d.History[0].ID
	}
	c.render(w, r, v, http.StatusOK, "fleet", "Fleet", d)
}

// Behind reports whether a node does not run yet what the fleet shall run.
func (d *fleetData) Behind(n fleet.Node) bool { return n.Rollout < d.Target }
