package object

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// Storage keeps the files of all tenants in a bucket. It is safe for concurrent
// use.
type Storage struct {
	*backend.Namespace
	ledger *backend.Ledger
	config Config
	server minio.Core
	own    *breaker // nil if the transport is the caller's
	// copySize is how many bytes the server copies in one request.
	copySize int64

	ctx    context.Context // of background work
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu    sync.Mutex
	swept map[string]bool // identifiers whose abandoned uploads were swept
}

// New returns a Storage. It checks c, and makes no request.
func New(c Config) (*Storage, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &Storage{copySize: defaultCopySize, swept: make(map[string]bool)}
	if c.Transport == nil {
		var err error
		if s.own, err = c.newTransport(!strings.HasPrefix(c.Endpoint, "http:")); err != nil {
			return nil, err
		}
		c.Transport = s.own
	}
	c.Transport = conditional{c.Transport}
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	s.config, s.server = c, minio.Core{Client: client}
	s.Namespace, s.ledger = backend.New(backend.Config{
		Location: path.Join("/", c.Bucket, c.Prefix), BaseURL: c.BaseURL, Locator: c.Locator,
		LongestPath: len("/") + len(c.Bucket) + len("/") + longestKey, MaxDepth: c.MaxDepth, Quota: c.Quota, Count: s.usage,
	})
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Close stops background work and waits for it. Open views stay usable.
func (s *Storage) Close() error {
	s.mu.Lock()
	s.cancel() // under the lock, so that no work starts afterwards
	s.mu.Unlock()
	s.work.Wait()
	if s.own != nil {
		s.own.next.CloseIdleConnections()
	}
	return nil
}

// For returns the files of a tenant. It makes no request. ctx bounds only the
// question where the files are; see [View.WithContext].
func (s *Storage) For(ctx context.Context, t storage.Tenant) (*View, error) {
	names, err := s.Names(ctx, t)
	if err != nil {
		return nil, err
	}
	return &View{names: names, storage: s, ctx: context.Background(), closed: new(atomic.Bool)}, nil
}

// View is For with the result type that [storage.Storage] requires.
func (s *Storage) View(ctx context.Context, t storage.Tenant) (storage.View, error) {
	v, err := s.For(ctx, t)
	if err != nil {
		return nil, err // not a View that holds a nil pointer
	}
	return v, nil
}

// key returns the key of the object with a path below the prefix.
func (s *Storage) key(name string) string { return path.Join(s.config.Prefix, name) }

// Check checks that the bucket exists and can be written to, and that the server
// honours If-None-Match, so that no object is overwritten; if not, the error is
// backend.ErrUnconditional. It creates an object that is no tenant's, and removes
// it.
func (s *Storage) Check(ctx context.Context) error {
	return s.probe(ctx, func(key string, nothing received) error {
		switch _, err := s.create(ctx, key, nothing); {
		case err == nil:
			return fmt.Errorf("object: bucket %q: %w: expected a server that honours If-None-Match; this one would overwrite files", s.config.Bucket, backend.ErrUnconditional)
		case !taken(err):
			return fmt.Errorf("object: bucket %q: expected the server to reject an object that exists (412): %w", s.config.Bucket, err)
		}
		return nil
	})
}

// CheckReplace is Check, and checks that the server honours If-Match, on which
// [View.Replace] depends.
func (s *Storage) CheckReplace(ctx context.Context) error {
	if err := s.Check(ctx); err != nil {
		return err
	}
	return s.probe(ctx, func(key string, nothing received) error {
		switch _, err := s.publish(ctx, key, nothing, "0123456789abcdef0123456789abcdef"); {
		case err == nil:
			return fmt.Errorf("object: bucket %q: %w: expected a server that honours If-Match; this one would lose replacements", s.config.Bucket, backend.ErrUnconditional)
		case !taken(err):
			return fmt.Errorf("object: bucket %q: expected the server to reject the replacement of another object (412): %w", s.config.Bucket, err)
		}
		return nil
	})
}

// probe calls ask with an object that is no tenant's and exists meanwhile.
func (s *Storage) probe(ctx context.Context, ask func(key string, nothing received) error) (err error) {
	exists, err := s.server.BucketExists(ctx, s.config.Bucket)
	if err != nil {
		return fmt.Errorf("object: bucket %q: %w", s.config.Bucket, classified(err))
	}
	if !exists {
		return fmt.Errorf("object: expected a bucket %q on the server, found none", s.config.Bucket)
	}
	key, nothing := s.key(backend.ReservedName()), &small{s, nil}
	if _, err := s.create(ctx, key, nothing); err != nil {
		return fmt.Errorf("object: bucket %q: cannot create an object: %w", s.config.Bucket, classified(err))
	}
	defer func() {
		if failed := s.remove(ctx, key); failed != nil {
			err = errors.Join(err, fmt.Errorf("object: bucket %q: cannot remove an object: %w", s.config.Bucket, classified(failed)))
		}
	}()
	return ask(key, nothing)
}

// saveToken is the metadata that identifies the save that created an object, for
// when the answer is lost.
const saveToken = "Tenantedge-Save"

// putOptions returns the options for an object in place of old. Anyone may have
// uploaded it, so its type never makes it a page.
func putOptions(token string, old etag) minio.PutObjectOptions {
	o := minio.PutObjectOptions{ContentType: "application/octet-stream", UserMetadata: map[string]string{saveToken: token}}
	o.DisableContentSha256 = true // the hash is in the header, not with each chunk
	old.condition(&o)
	return o
}

func (s *Storage) remove(ctx context.Context, key string) error {
	return s.server.RemoveObject(ctx, s.config.Bucket, key, minio.RemoveObjectOptions{})
}

func (s *Storage) head(ctx context.Context, key string) (minio.ObjectInfo, error) {
	return s.server.StatObject(ctx, s.config.Bucket, key, minio.StatObjectOptions{})
}

// cleanupTimeout bounds the cleanup of a failed save, which runs after its
// request has ended.
const cleanupTimeout = 15 * time.Second

func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
}

var _ storage.Storage = (*Storage)(nil)
