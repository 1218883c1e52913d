package disk_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
	"github.com/tenantedge/tenantedge/edge/storage/storagetest"
)

// TestDiskIsABackend runs the suite of all backends.
func TestDiskIsABackend(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Backend {
		location := t.TempDir()
		return storagetest.Backend{
			Large: 1 << 20,
			Open: func(t *testing.T, c storagetest.Config) storage.Storage {
				s, err := disk.New(disk.Config{Location: location, BaseURL: c.BaseURL, Locator: c.Locator, MaxSize: c.MaxSize, Quota: c.Quota, NoSync: true})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { s.Close() })
				return s
			},
			Leftovers: func(t *testing.T) (found []string) {
				if err := filepath.WalkDir(location, func(name string, d fs.DirEntry, err error) error {
					if strings.HasPrefix(d.Name(), ".tenantedge-") {
						found = append(found, name)
					}
					return err
				}); err != nil {
					t.Fatal(err)
				}
				return found
			},
		}
	})
}
