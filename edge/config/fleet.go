package config

import (
	"regexp"
	"slices"
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

// GuestPlaces returns the registries, or the places in them, from which a rollout may
// name guests: fleet.registries, or else the registry of guest.path. Whoever can write
// to the database of a fleet must not be able to make all edges send requests to any
// address, such as internal ones of their network.
func (f *File) GuestPlaces() []string {
	if f.Fleet != nil && len(f.Fleet.Registries) > 0 {
		return f.Fleet.Registries
	}
	if ref, err := artifact.Parse(f.Guest.Path); err == nil {
		return []string{ref.Registry}
	}
	return nil
}

// CheckGuestReference returns an *Error if edges with this configuration refuse a
// rollout of the guest in a registry, because it is in none of GuestPlaces. A file
// without any place says nothing about other edges, and refuses nothing.
func (f *File) CheckGuestReference(reference string) error {
	ref, err := artifact.Parse(reference)
	places := f.GuestPlaces()
	if err != nil || len(places) == 0 || slices.ContainsFunc(places, ref.Within) {
		return err
	}
	d, at := newDecoder(f.Name), root("guest", "path")
	if f.Fleet != nil && len(f.Fleet.Registries) > 0 {
		at = root("fleet", "registries")
	}
	f.failAt(d, at, "expected a rollout of a guest in %q, as edges with this configuration ask no other registry, found %s; add %q to fleet.registries of the edges and restart them, or roll out a file",
		places, ref, ref.Registry)
	return d.err()
}
