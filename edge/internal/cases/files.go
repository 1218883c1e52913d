package cases

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
)

// tenantFiles are the files of a File's tenants, in a temporary folder. Each case
// starts with the same files.
type tenantFiles struct {
	folder  string
	storage *disk.Storage
	content map[string]map[string]config.Text // by schema and name
	now     time.Time                         // when they were modified
}

func newTenantFiles(content map[string]map[string]config.Text, now time.Time) (*tenantFiles, error) {
	folder, err := os.MkdirTemp("", "tenantedge-files-")
	if err != nil {
		return nil, err
	}
	// Without a locator, the folder of a tenant has the name of its schema, and no
	// guest is asked.
	s, err := disk.New(disk.Config{Location: folder, BaseURL: "/media/"})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return &tenantFiles{folder, s, content, now}, nil
}

// open is edge.Config.Files.
func (t *tenantFiles) open(storage.Locator) (storage.Storage, error) { return t.storage, nil }

func (t *tenantFiles) close() error { return errors.Join(t.storage.Close(), os.RemoveAll(t.folder)) }

// reset removes what a case saved, and writes the files again.
func (t *tenantFiles) reset(ctx context.Context) error {
	entries, err := os.ReadDir(t.folder)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(t.folder, e.Name())))
	}
	for schema, files := range t.content {
		err = errors.Join(err, t.write(ctx, schema, files))
	}
	return errors.Join(err, filepath.WalkDir(t.folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, t.now, t.now)
	}))
}

// write writes the files of a tenant.
func (t *tenantFiles) write(ctx context.Context, schema string, files map[string]config.Text) error {
	view, err := t.storage.View(ctx, storage.Tenant{Schema: schema})
	if err != nil {
		return fmt.Errorf("files.%s: %w", schema, err)
	}
	for name, content := range files {
		saved, saveErr := view.Save(ctx, name, strings.NewReader(string(content)), 0)
		if saveErr == nil && saved != name {
			saveErr = fmt.Errorf("expected the name as it is stored, %q", saved)
		}
		if saveErr != nil {
			err = errors.Join(err, fmt.Errorf("files.%s: %q: %w", schema, name, saveErr))
		}
	}
	return errors.Join(err, view.Close())
}
