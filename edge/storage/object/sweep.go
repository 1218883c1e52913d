package object

import (
	"context"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// Sweep removes what savers that were killed left behind, if it is older than
// age, and tells how many uploads that were. Who is dead cannot be told from
// who is slow: age must be more than an upload may take. The first large file
// that a Storage saves for a tenant does this by itself, with two days.
func (v *View) Sweep(ctx context.Context, age time.Duration) (int, error) {
	if v.storage == nil {
		return 0, storage.ErrNoTenant
	}
	return v.storage.sweep(ctx, v.Identifier(), age)
}

func (s *Storage) sweep(ctx context.Context, identifier string, age time.Duration) (removed int, err error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing, whose channel is left
	defer cancel()
	top, before := s.key(identifier), time.Now().Add(-age)
	for upload := range s.server.ListIncompleteUploads(ctx, s.config.Bucket, top+"/", true) {
		if upload.Err != nil {
			return removed, told("sweep", identifier, upload.Err)
		}
		if upload.Initiated.After(before) {
			continue
		}
		if err := s.server.AbortMultipartUpload(ctx, s.config.Bucket, upload.Key, upload.UploadID); err != nil && !missing(err) {
			return removed, told("sweep", identifier, err)
		}
		removed++
	}
	var staged []string // they lie directly in the tenant's folder
	err = s.list(ctx, top, false, 0, func(o *minio.ObjectInfo) bool {
		if storage.Reserved(o.Key[len(top)+1:]) && !strings.HasSuffix(o.Key, "/") && !o.LastModified.After(before) {
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
	return removed, told("sweep", identifier, err)
}

const abandonedAge = 48 * time.Hour

// sweepOnce sweeps a tenant's files the first time that it is asked for.
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
			delete(s.swept, identifier) // the next one tries again
			s.mu.Unlock()
		}
	})
}
