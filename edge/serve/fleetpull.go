package serve

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
)

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
