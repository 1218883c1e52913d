package serve

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
)

// registriesOf returns the places from which rollouts may name guests. Whoever can write
// to the database must not be able to make all edges send requests to any address, such
// as internal ones of their network.
func registriesOf(f *config.File) []string {
	if len(f.Fleet.Registries) > 0 {
		return f.Fleet.Registries
	}
	if ref, err := artifact.Parse(f.Guest.Path); err == nil {
		return []string{ref.Registry}
	}
	return nil
}

// pull returns a guest from a registry and its signature, which is not verified.
func (n *fleetNode) pull(ctx context.Context, of fleet.Ref) (wasm, signature []byte, err error) {
	ref, err := artifact.Parse(of.Source)
	if err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(n.places, ref.Within) {
		return nil, nil, fmt.Errorf("expected a guest in the database, or in a registry that fleet.registries of this edge allows, found the reference %s in the rollout; add its registry or its repository there, or push the guest to the database", ref)
	}
	guest, err := artifact.Pull(ctx, ref, registryOptions(n.server.now().options.Trust.Registry))
	if err != nil {
		return nil, nil, err
	}
	return guest.Wasm, guest.Signature, fleet.CheckDigest(guest.Wasm, of.Digest)
}
