package artifact

import (
	"bytes"
	"context"
	"fmt"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/signature"
)

// Push stores a guest under the tag of r and returns the digest of its manifest.
// The tag then names this guest; others remain known by their digests, as long as the
// registry keeps them. A push that is repeated changes nothing.
func Push(ctx context.Context, r Reference, g Guest, o Options) (digest string, err error) {
	switch {
	case r.Tag == "" || r.Digest != "":
		return "", fmt.Errorf("expected a tag, as in %s:v1, found none; it keeps the guest in the registry", r.Name())
	case len(g.Signature) > signature.MaxSize:
		return "", fmt.Errorf("expected a signature of at most %d bytes, found %d", signature.MaxSize, len(g.Signature))
	}
	if err := instance.CheckSize(g.Wasm); err != nil {
		return "", err
	}
	if g.Created.IsZero() {
		g.Created = time.Now()
	}
	ctx, cancel := o.withTimeout(ctx)
	defer cancel()
	repository, done, err := open(r, o)
	if err != nil {
		return "", failed(ctx, r, err)
	}
	defer done()
	digest, err = push(ctx, repository, r.Tag, g)
	return digest, failed(ctx, r, err)
}

func push(ctx context.Context, repository *remote.Repository, tag string, g Guest) (string, error) {
	configJSON, manifestJSON, layer, err := encode(g)
	if err != nil {
		return "", err
	}
	for _, blob := range []struct {
		descriptor ocispec.Descriptor
		content    []byte
	}{{layer, g.Wasm}, {describe(configType, configJSON), configJSON}} {
		exists, err := repository.Blobs().Exists(ctx, blob.descriptor)
		if err == nil && !exists {
			err = repository.Blobs().Push(ctx, blob.descriptor, bytes.NewReader(blob.content))
		}
		if err != nil {
			return "", err
		}
	}
	manifest := describe(ocispec.MediaTypeImageManifest, manifestJSON)
	return manifest.Digest.String(), repository.Manifests().PushReference(ctx, manifest, bytes.NewReader(manifestJSON), tag)
}
