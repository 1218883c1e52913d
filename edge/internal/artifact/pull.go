package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"
)

// Guest is a guest in a registry.
type Guest struct {
	// Wasm is the module.
	Wasm []byte
	// Signature is the text of its signature, as it was pushed. Empty: it has none.
	Signature []byte
	// Created is when the module was made. Zero: it is not known, or, for Push, now.
	Created time.Time
	// Digest is that of the manifest, such as sha256:…. Push ignores it.
	Digest string
}

// Pull returns the guest that r names. Its digests are verified, its signature is not.
// Errors that concern the registry or the artifact are of the type *Error.
func Pull(ctx context.Context, r Reference, o Options) (Guest, error) {
	if r.Tag == "" && r.Digest == "" {
		return Guest{}, fmt.Errorf("expected a tag or a digest, as in %s:v1, found none", r.Name())
	}
	ctx, cancel := o.withTimeout(ctx)
	defer cancel()
	repository, done, err := open(r, o)
	if err != nil {
		return Guest{}, failed(ctx, r, err)
	}
	defer done()
	g, err := pull(ctx, repository, r)
	return g, failed(ctx, r, err)
}

// Resolve returns the digest of the manifest that a tag names now.
func Resolve(ctx context.Context, r Reference, o Options) (digest string, err error) {
	ctx, cancel := o.withTimeout(ctx)
	defer cancel()
	repository, done, err := open(r, o)
	if err != nil {
		return "", failed(ctx, r, err)
	}
	defer done()
	d, err := repository.Manifests().Resolve(ctx, r.Tag)
	return d.Digest.String(), failed(ctx, r, err)
}

func pull(ctx context.Context, repository *remote.Repository, r Reference) (Guest, error) {
	digest, l, err := fetchLayout(ctx, repository, r)
	if err != nil {
		return Guest{}, err
	}
	configJSON, err := fetchBlob(ctx, repository, l.config)
	if err != nil {
		return Guest{}, fmt.Errorf("the config: %w", err)
	}
	if err := checkConfig(configJSON, l.layer); err != nil {
		return Guest{}, err
	}
	wasm, err := fetchBlob(ctx, repository, l.layer)
	if err != nil {
		return Guest{}, fmt.Errorf("the layer: %w", err)
	}
	return Guest{Wasm: wasm, Signature: l.signature, Created: l.created, Digest: digest}, nil
}

// fetchLayout reads the manifest that r names and returns its digest, also if it is no
// guest's. The digest is empty if the manifest cannot be read.
func fetchLayout(ctx context.Context, repository *remote.Repository, r Reference) (digest string, l layout, err error) {
	name := r.Tag
	if r.Digest != "" {
		name = r.Digest
	}
	d, body, err := repository.Manifests().FetchReference(ctx, name)
	if err != nil {
		return "", l, err
	}
	defer body.Close()
	if d.Size > maxMetadata {
		return d.Digest.String(), l, fmt.Errorf("expected a manifest of at most %d bytes, found %d", maxMetadata, d.Size)
	}
	data, err := readAll(body, d)
	if err != nil {
		return "", l, fmt.Errorf("the manifest: %w", err)
	}
	l, err = decodeManifest(d.MediaType, data)
	return d.Digest.String(), l, err
}

// fetchBlob reads a blob whose size was checked.
func fetchBlob(ctx context.Context, repository *remote.Repository, d ocispec.Descriptor) ([]byte, error) {
	body, err := repository.Blobs().Fetch(ctx, d)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return readAll(body, d)
}

// firstBuffer is what is allocated before content arrives.
const firstBuffer = 1 << 20

// readAll reads content of the size and the digest of d.
func readAll(body io.Reader, d ocispec.Descriptor) ([]byte, error) {
	v := content.NewVerifyReader(body, d)
	data := make([]byte, min(d.Size, firstBuffer))
	n, err := io.ReadFull(v, data)
	if first := len(data); err == nil && d.Size > int64(first) {
		data = append(make([]byte, 0, d.Size), data...)[:d.Size]
		n, err = io.ReadFull(v, data[first:])
		n += first
	}
	if err == nil {
		err = v.Verify()
	}
	if err != nil {
		return nil, readError(n, d, err)
	}
	return data, nil
}

func readError(n int, d ocispec.Descriptor, err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("expected %d bytes, found %d: %w", d.Size, n, io.ErrUnexpectedEOF)
	case errors.Is(err, content.ErrTrailingData):
		return fmt.Errorf("expected %d bytes, found more: %w", d.Size, err)
	case errors.Is(err, content.ErrMismatchedDigest):
		return fmt.Errorf("expected content with the digest %s, found other content, which was changed in the registry or on the way: %w", d.Digest, err)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "read failed: "))
}
