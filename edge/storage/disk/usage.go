package disk

import (
	"context"
	"errors"
	"io/fs"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// Usage counts all files of the tenant, whoever wrote them.
func (v *View) Usage(ctx context.Context) (storage.Usage, error) {
	if v.storage == nil {
		return storage.Usage{}, storage.ErrNoTenant
	}
	return v.storage.count(ctx, v.Identifier(), false)
}

// count counts a tenant's files; with all also folders and records, which count
// against a quota.
func (s *Storage) count(ctx context.Context, identifier string, all bool) (storage.Usage, error) {
	var u storage.Usage
	f, err := s.open(identifier, false)
	if err != nil {
		return u, unless(err, fs.ErrNotExist)
	}
	err = fs.WalkDir(f.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil || backend.Reserved(d.Name()):
			return unless(err, fs.ErrNotExist) // removed meanwhile
		case isRecord(name), d.IsDir() && name != ".":
			if all {
				u.Files++
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return unless(err, fs.ErrNotExist)
		}
		u.Bytes += info.Size()
		u.Files++
		return nil
	})
	return u, errors.Join(err, f.Close())
}
