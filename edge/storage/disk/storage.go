package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/tenantedge/tenantedge/edge/internal/steady"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// FromUmask, as a mode, uses the process's umask, like None in Django.
const FromUmask = fs.ModeIrregular

// Config configures a Storage. Only Location is required.
type Config struct {
	// Location is the folder above all tenants' files. The first save creates it.
	// A relative path is below the working directory.
	Location string
	// BaseURL is the URL above all tenants' files, such as "/media/". Empty: files
	// have no URL.
	BaseURL string
	// Locator decides where a tenant's files are, below both. Nil: the default
	// guest's logic, run natively.
	Locator storage.Locator
	// FileMode is Django's FILE_UPLOAD_PERMISSIONS; default 0o644.
	FileMode fs.FileMode
	// DirectoryMode is Django's FILE_UPLOAD_DIRECTORY_PERMISSIONS; default
	// FromUmask.
	DirectoryMode fs.FileMode
	// MaxSize is the maximum size of a saved file, in bytes. 0: no limit.
	MaxSize int64
	// MaxDepth is how many folders a new file may be below. 0: no limit. Creating
	// and removing folders takes longer the deeper they are.
	MaxDepth int
	// MinFree is how many bytes stay free on the disk (Linux only). It is checked
	// every 8 MiB, so concurrent savers may leave slightly less. 0: no minimum.
	MinFree int64
	// Quota returns what a tenant may keep. Nil: no tenant has a quota. It is called
	// for each saved file, so it should not query anything.
	Quota func(storage.Tenant) storage.Quota
	// NoSync does not wait for the disk: a saved file survives the end of the
	// process, but possibly not a power loss.
	NoSync bool
}

// Storage keeps the files of all tenants. It is safe for concurrent use.
type Storage struct {
	*backend.Namespace
	ledger   *backend.Ledger
	config   Config
	location string        // absolute
	clock    *steady.Clock // for the expiry of partial files

	ctx    context.Context // of background work
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu    sync.Mutex
	swept map[string]bool // identifiers whose abandoned files were swept
	// expiring holds the identifiers that may have partial files; nil before the
	// first.
	expiring map[string]bool
}

// New returns a Storage. It checks c, and accesses no file.
func New(c Config) (*Storage, error) {
	if c.Location == "" {
		return nil, errors.New("storage: location: expected a folder such as /srv/media, found none")
	}
	for name, mode := range map[string]*fs.FileMode{"file mode": &c.FileMode, "directory mode": &c.DirectoryMode} {
		if *mode != FromUmask && *mode&^fs.ModePerm != 0 {
			return nil, fmt.Errorf("storage: %s: expected permissions such as 0o640, found %v", name, *mode)
		}
	}
	if c.FileMode == 0 {
		c.FileMode = 0o644
	}
	if c.DirectoryMode == 0 {
		c.DirectoryMode = FromUmask
	}
	location, err := filepath.Abs(c.Location)
	if err != nil {
		return nil, fmt.Errorf("storage: location: %w", err)
	}
	s := &Storage{config: c, location: location, clock: steady.New(), swept: make(map[string]bool)}
	s.Namespace, s.ledger = backend.New(backend.Config{
		Location: location, BaseURL: c.BaseURL, Locator: c.Locator, LongestPath: longestPath, MaxDepth: c.MaxDepth, Quota: c.Quota,
		Count: func(ctx context.Context, identifier string) (storage.Usage, error) {
			return s.count(ctx, identifier, true)
		},
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
	return nil
}

// For returns the files of a tenant. It creates nothing; the first save does.
// The first view of each tenant removes, in the background, what killed savers
// left; see [View.Sweep].
func (s *Storage) For(ctx context.Context, t storage.Tenant) (*View, error) {
	names, err := s.Names(ctx, t)
	if err != nil {
		return nil, err
	}
	v := &View{names: names, storage: s}
	s.sweepOnce(v.Identifier())
	return v, nil
}

// View is For with the result type that [storage.Storage] requires.
func (s *Storage) View(ctx context.Context, t storage.Tenant) (storage.View, error) {
	v, err := s.For(ctx, t)
	if err != nil {
		return nil, err // not a View that holds a nil pointer
	}
	return v, nil
}

var _ storage.Storage = (*Storage)(nil)
