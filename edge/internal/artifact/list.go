package artifact

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/registry/remote"
)

// Entry is a tag of a repository.
type Entry struct {
	// Tag is the name.
	Tag string
	// Digest is that of the manifest, such as sha256:….
	Digest string
	// Guest is the digest of the module.
	Guest string
	// Size is that of the module in bytes.
	Size int64
	// Created is when the module was made. Zero: it is not known.
	Created time.Time
	// Signature is the text of its signature, which is not verified. Empty: it has none.
	Signature []byte
	// Err is why the tag names no guest. nil: it does.
	Err error
}

const (
	maxTags    = 10_000
	listAtOnce = 8 // manifests that are read at a time
)

// List returns the tags of the repository of r, in the registry's order, which is
// that of the names.
func List(ctx context.Context, r Reference, o Options) ([]Entry, error) {
	repository, done, err := open(r, o)
	if err != nil {
		return nil, failed(ctx, r, err)
	}
	defer done()
	entries, err := listTags(ctx, repository, r, o)
	if err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(listAtOnce)
	for i := range entries {
		group.Go(func() error { return fillEntry(ctx, repository, r, o, &entries[i]) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return entries, nil
}

func listTags(ctx context.Context, repository *remote.Repository, r Reference, o Options) ([]Entry, error) {
	ctx, cancel := o.withTimeout(ctx)
	defer cancel()
	var entries []Entry
	err := repository.Tags(ctx, "", func(tags []string) error {
		if len(entries)+len(tags) > maxTags {
			return fmt.Errorf("expected at most %d tags, found more; remove old ones", maxTags)
		}
		for _, tag := range tags {
			named := Reference{Registry: r.Registry, Repository: r.Repository, Tag: tag}
			if parsed, err := Parse(named.String()); err != nil || parsed != named {
				return fmt.Errorf("expected names of tags, found %.100q", tag)
			}
			entries = append(entries, Entry{Tag: tag})
		}
		return nil
	})
	return entries, failed(ctx, Reference{Registry: r.Registry, Repository: r.Repository}, err)
}

// fillEntry reads the manifest of a tag. The error is about the registry.
func fillEntry(ctx context.Context, repository *remote.Repository, r Reference, o Options, e *Entry) error {
	ctx, cancel := o.withTimeout(ctx)
	defer cancel()
	r.Tag, r.Digest = e.Tag, ""
	digest, l, err := fetchLayout(ctx, repository, r)
	switch {
	case err == nil:
		*e = Entry{
			Tag: e.Tag, Digest: digest, Guest: l.layer.Digest.String(), Size: l.layer.Size,
			Created: l.created, Signature: l.signature,
		}
	case digest != "", errors.Is(err, ErrNotFound): // no guest, or removed since
		e.Digest, e.Err = digest, errors.New(printable(err.Error()))
	default:
		return failed(ctx, r, err)
	}
	return nil
}
