package config

import (
	"regexp"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/artifact"
)

// Fleet is a group of edges that run the same guest, which `tenantedge guest` changes
// for all of them.
type Fleet struct {
	Name      string        `key:"name,required"`
	Node      string        `key:"node"` // name of this edge; empty: the name of its host
	Database                // of the fleet; zero: that of the directory
	Heartbeat time.Duration `key:"heartbeat,min=1"` // how often the edge reports and polls; 0: the default
	// LastGood is a file that keeps the fleet's last guest, for a start without the
	// database; empty: a file in the compile cache.
	LastGood string `key:"last_good,path"`
	// Registries are those from which a rollout may name guests, or repositories and
	// the folders of repositories in them; empty: only the registry of guest.path.
	Registries []string `key:"registries,nonempty"`
}

var fleetName = regexp.MustCompile(`^[-_.a-zA-Z0-9]{1,64}$`)

func (f *Fleet) decode(v value) {
	found := v.object(f)
	for key, name := range map[string]string{"name": f.Name, "node": f.Node} {
		if at, ok := found[key]; ok && at.n.kind == kindString && !fleetName.MatchString(name) {
			at.fail("expected 1 to 64 letters, digits, dots, hyphens and underscores, found %q; choose another name", shorten(name))
		}
	}
	if at, ok := found["registries"]; ok && at.n.kind == kindList {
		for i, place := range f.Registries {
			if err := artifact.CheckPlace(place); err != nil {
				value{v.d, at.n.items[i], at.p.item(i)}.fail("%v", err)
			}
		}
	}
	f.Database.check(v, found)
}

// checkFleet reports a fleet without a database.
func (doc *document) checkFleet(v value) {
	if doc.Fleet != nil && doc.Fleet.Database.IsZero() && doc.Directory.Source != "postgres" {
		v.fail("expected dsn_env, dsn_file or dsn, or a directory with source postgres, whose database the fleet uses then, found neither; add one")
	}
}
