package serve

import (
	"context"

	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
)

// pull returns a guest from a registry and its signature, which is not verified.
func (n *fleetNode) pull(ctx context.Context, of fleet.Ref) (wasm, signature []byte, err error) {
	ref, err := artifact.Parse(of.Source)
	if err != nil {
		return nil, nil, err
	}
	guest, err := artifact.Pull(ctx, ref, registryOptions(n.server.now().options.Trust.Registry))
	if err != nil {
		return nil, nil, err
	}
	return guest.Wasm, guest.Signature, fleet.CheckDigest(guest.Wasm, of.Digest)
}
