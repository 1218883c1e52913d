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
)

// Storage keeps the files of all tenants in a bucket. It is safe for concurrent
// use.
type Storage struct {
	*storage.Namespace
	ledger *storage.Ledger
	config Config
	server minio.Core
	own    *patient // nil where it is the caller's
	// copySize is how much the server copies by one request.
	copySize int64

	ctx    context.Context // of what runs by itself
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu    sync.Mutex
	swept map[string]bool // identifiers whose abandoned uploads were looked for
}

// New checks c. It asks the server nothing yet.
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
	s.Namespace, s.ledger = storage.NewNamespace(storage.NamespaceConfig{
		Location: path.Join("/", c.Bucket, c.Prefix), BaseURL: c.BaseURL, Locator: c.Locator,
		LongestPath: len("/") + len(c.Bucket) + len("/") + longestKey, MaxDepth: c.MaxDepth, Quota: c.Quota, Count: s.usage,
	})
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Close ends what the storage does by itself, and waits for it.
func (s *Storage) Close() error {
	s.mu.Lock()
	s.cancel() // and nothing is begun any more
	s.mu.Unlock()
	s.work.Wait()
	if s.own != nil {
		s.own.next.CloseIdleConnections()
	}
	return nil
}

// For returns the files of a tenant. Nothing is asked of the server, nor
// created there. ctx is for finding out where the files are; see
// [View.WithContext].
func (s *Storage) For(ctx context.Context, t storage.Tenant) (*View, error) {
	names, err := s.Names(ctx, t)
	if err != nil {
		return nil, err
	}
	return &View{names: names, storage: s, tenant: t, ctx: context.Background(), closed: new(atomic.Bool)}, nil
}

// Files is For as a [storage.Backend] has it.
func (s *Storage) Files(ctx context.Context, t storage.Tenant) (storage.Files, error) {
	v, err := s.For(ctx, t)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// key of the object that a key of [storage.Names] is.
func (s *Storage) key(name string) string { return path.Join(s.config.Prefix, name) }

// Check asks the server for what this storage rests on: that the bucket is
// there and may be written to, and that an object which exists is not made
// again. It makes an object that is no tenant's, and removes it.
func (s *Storage) Check(ctx context.Context) error {
	return s.probe(ctx, func(key string, nothing received) error {
		switch _, err := s.create(ctx, key, nothing); {
		case err == nil:
			return fmt.Errorf("object: bucket %q: %w: the server does not honour If-None-Match, so that files would be overwritten: expected one that does", s.config.Bucket, storage.ErrUnconditional)
		case !taken(err):
			return fmt.Errorf("object: bucket %q: expected the server to refuse an object that exists (412): %w", s.config.Bucket, err)
		}
		return nil
	})
}

// CheckReplace is Check, and asks for what [View.Replace] rests on too: that an
// object is not replaced by who has seen another.
func (s *Storage) CheckReplace(ctx context.Context) error {
	if err := s.Check(ctx); err != nil {
		return err
	}
	return s.probe(ctx, func(key string, nothing received) error {
		switch _, err := s.publish(ctx, key, nothing, "0123456789abcdef0123456789abcdef"); {
		case err == nil:
			return fmt.Errorf("object: bucket %q: %w: the server does not honour If-Match, so that files would be replaced unseen: expected one that does", s.config.Bucket, storage.ErrUnconditional)
		case !taken(err):
			return fmt.Errorf("object: bucket %q: expected the server to refuse to replace another object (412): %w", s.config.Bucket, err)
		}
		return nil
	})
}

// probe asks about an object that is no tenant's, and is there meanwhile.
func (s *Storage) probe(ctx context.Context, ask func(key string, nothing received) error) (err error) {
	exists, err := s.server.BucketExists(ctx, s.config.Bucket)
	if err != nil {
		return fmt.Errorf("object: bucket %q: %w", s.config.Bucket, meaning(err))
	}
	if !exists {
		return fmt.Errorf("object: expected a bucket %q, the server has none", s.config.Bucket)
	}
	key, nothing := s.key(storage.ReservedName()), &small{s, nil}
	if _, err := s.create(ctx, key, nothing); err != nil {
		return fmt.Errorf("object: bucket %q: an object could not be made: %w", s.config.Bucket, meaning(err))
	}
	defer func() {
		if gone := s.remove(ctx, key); gone != nil {
			err = errors.Join(err, fmt.Errorf("object: bucket %q: an object could not be removed: %w", s.config.Bucket, meaning(gone)))
		}
	}()
	return ask(key, nothing)
}

// saveToken is the metadata by which an object is known to be that of a save
// whose answer was lost.
const saveToken = "Tenantedge-Save"

// fresh are the options for an object in the place of one. Uploads come from
// anybody, so that no object says of itself that it is a page.
func fresh(token string, old seen) minio.PutObjectOptions {
	o := minio.PutObjectOptions{ContentType: "application/octet-stream", UserMetadata: map[string]string{saveToken: token}}
	o.DisableContentSha256 = true // it is told before the content, not with each piece of it
	old.condition(&o)
	return o
}

func (s *Storage) remove(ctx context.Context, key string) error {
	return s.server.RemoveObject(ctx, s.config.Bucket, key, minio.RemoveObjectOptions{})
}

func (s *Storage) head(ctx context.Context, key string) (minio.ObjectInfo, error) {
	return s.server.StatObject(ctx, s.config.Bucket, key, minio.StatObjectOptions{})
}

// cleaning is how long what a failed save left behind is cleaned up for, by a
// request that is itself over.
const cleaning = 15 * time.Second

func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleaning)
}

var _ storage.Backend = (*Storage)(nil)
