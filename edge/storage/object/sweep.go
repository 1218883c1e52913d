package object

import (
	"context"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// Sweep removes what killed savers left if it is older than age, and returns the
// number of uploads. A killed saver cannot be distinguished from a slow one, so age
// must exceed the time that an upload may take. The first large file that a
// Storage saves for a tenant starts a sweep with an age of two days.
func (v *View) Sweep(ctx context.Context, age time.Duration) (int, error) {
	if v.storage == nil {
		return 0, storage.ErrNoTenant
	}
	return v.storage.sweep(ctx, v.Identifier(), age)
}

func (s *Storage) sweep(ctx context.Context, identifier string, age time.Duration) (removed int, err error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing if the loop returns early
	defer cancel()
	top, before := s.key(identifier), time.Now().Add(-age)
	for upload := range s.server.ListIncompleteUploads(ctx, s.config.Bucket, top+"/", true) {
		if upload.Err != nil {
			return removed, pathError("sweep", identifier, upload.Err)
		}
		if upload.Initiated.After(before) {
			continue
		}
		if err := s.server.AbortMultipartUpload(ctx, s.config.Bucket, upload.Key, upload.UploadID); err != nil && !missing(err) {
			return removed, pathError("sweep", identifier, err)
		}
		removed++
	}
	var staged []string // directly in the tenant's folder
	err = s.list(ctx, top, false, 0, func(o *minio.ObjectInfo) bool {
		if backend.Reserved(o.Key[len(top)+1:]) && !strings.HasSuffix(o.Key, "/") && !o.LastModified.After(before) {
			staged = append(staged, o.Key)
		}
		return true
	})
	for _, key := range staged {
		if err == nil {
			err = s.remove(ctx, key)
			removed++
		}
	}
	return removed, pathError("sweep", identifier, err)
}

const abandonedAge = 48 * time.Hour

// sweepOnce sweeps a tenant's files in the background, the first time it is
// called for the tenant.
func (s *Storage) sweepOnce(identifier string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.swept[identifier] || s.ctx.Err() != nil {
		return
	}
	s.swept[identifier] = true
	s.work.Go(func() {
		if _, err := s.sweep(s.ctx, identifier, abandonedAge); err != nil {
			s.mu.Lock()
			delete(s.swept, identifier) // the next large save tries again
			s.mu.Unlock()
		}
	})
}
