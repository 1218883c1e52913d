package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/tenantedge/tenantedge/edge/internal/steady"
)

// FromUmask, as a mode, leaves it to the process's umask, as Django does with
// None.
const FromUmask = fs.ModeIrregular

// Config says where files are and how they are kept. Only Location is needed.
type Config struct {
	// Location is the folder above all tenants' files. It is created with the
	// first file. A relative one is below the working directory.
	Location string
	// BaseURL is the URL above all tenants' files, such as "/media/". Empty:
	// files have no URL.
	BaseURL string
	// Locator says where in both a tenant's files are. Nil: what the default
	// guest says, asked natively.
	Locator Locator
	// FileMode is Django's FILE_UPLOAD_PERMISSIONS, by default 0o644.
	FileMode fs.FileMode
	// DirectoryMode is Django's FILE_UPLOAD_DIRECTORY_PERMISSIONS, by default
	// FromUmask.
	DirectoryMode fs.FileMode
	// MaxSize is the most bytes that one saved file may have. 0: no limit.
	MaxSize int64
	// MaxDepth is how many folders a new file may be below. 0: no limit. Making
	// and removing folders takes longer the deeper they are.
	MaxDepth int
	// MinFree is how many bytes stay free on the disk: saving ends before. It is
	// looked at now and then, so concurrent savers may take some more. 0: none.
	// It needs Linux.
	MinFree int64
	// Quota says what a tenant may keep. Nil: all that there is room for. It is
	// asked for each file that is saved, so it should know the answer.
	Quota func(Tenant) Quota
	// NoSync saves files without waiting for the disk: a file that was saved
	// survives the end of the process, but perhaps not a loss of power.
	NoSync bool
}

// Storage keeps the files of all tenants. It is safe for concurrent use.
type Storage struct {
	*Namespace
	config Config
	clock  *steady.Clock // for when partial files expire

	ctx    context.Context // of what runs by itself
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu    sync.Mutex
	swept map[string]bool // identifiers whose abandoned files were looked for
	// expiring are those that have partial files; nil: nobody has, so far.
	expiring map[string]bool
}

// New checks c. It touches no file yet.
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
	s := &Storage{config: c, clock: steady.New(), swept: make(map[string]bool)}
	s.Namespace, _ = NewNamespace(NamespaceConfig{
		Location: location, BaseURL: c.BaseURL, Locator: c.Locator, LongestPath: longestPath, MaxDepth: c.MaxDepth, Quota: c.Quota,
		Count: func(ctx context.Context, identifier string) (Usage, error) { return s.count(ctx, identifier, true) },
	})
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Close ends what the storage does by itself, and waits for it. Views are
// closed by those who have them.
func (s *Storage) Close() error {
	s.mu.Lock()
	s.cancel() // and nothing is begun any more
	s.mu.Unlock()
	s.work.Wait()
	return nil
}

// For returns the files of a tenant. Nothing is created before a file is saved.
//
// The first view of a tenant removes, in the background, what savers that were
// killed left behind; see [View.Sweep].
func (s *Storage) For(ctx context.Context, t Tenant) (*View, error) {
	names, err := s.Names(ctx, t)
	if err != nil {
		return nil, err
	}
	v := &View{names: names, storage: s}
	s.sweepOnce(v.identifier)
	return v, nil
}
