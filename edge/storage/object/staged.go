package object

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/minio/minio-go/v7"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// staged is content in an object that no tenant can name.
type staged struct {
	storage *Storage
	key     string
	size    int64
}

// defaultCopySize is how many bytes the server copies in one request.
const defaultCopySize = 512 << 20

// stage uploads content in parts. first is the first part.
func (s *Storage) stage(ctx context.Context, identifier string, first *bytes.Buffer, content io.Reader) (_ *staged, err error) {
	s.sweepOnce(identifier)
	o := &staged{storage: s, key: s.key(identifier) + "/" + backend.ReservedName()}
	token := newToken()
	u, err := s.begin(ctx, o.key, token)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			u.abort(ctx)
			o.discard(ctx)
		}
	}()
	for part := first; part.Len() > 0; {
		o.size += int64(part.Len())
		if err := u.send(ctx, part.Bytes()); err != nil {
			return nil, err
		}
		part.Reset()
		if _, err := io.CopyN(part, content, s.config.PartSize); err != nil && err != io.EOF {
			return nil, err
		}
	}
	return o, s.settle(ctx, o.key, token, none, u.complete(ctx, none))
}

// create makes the server copy the object. Only a multipart upload can copy and
// be conditional.
func (o *staged) create(ctx context.Context, key, token string, old etag) (err error) {
	u, err := o.storage.begin(ctx, key, token)
	if err != nil {
		return err
	}
	for from, size := int64(0), o.storage.copySize; from < o.size && err == nil; from += size {
		err = u.copy(ctx, o.key, from, min(size, o.size-from))
	}
	if err == nil {
		err = u.complete(ctx, old)
	}
	if err != nil {
		u.abort(ctx)
	}
	return err
}

func (o *staged) length() int64 { return o.size }

func (o *staged) discard(ctx context.Context) {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	_ = o.storage.remove(ctx, o.key) // if it fails, a sweep removes it
}

// upload is a multipart upload.
type upload struct {
	storage *Storage
	key, id string
	parts   []minio.CompletePart
}

func (s *Storage) begin(ctx context.Context, key, token string) (*upload, error) {
	o := putOptions(token, none) // the condition belongs to the completion, the rest here
	id, err := s.server.NewMultipartUpload(ctx, s.config.Bucket, key, minio.PutObjectOptions{ContentType: o.ContentType, UserMetadata: o.UserMetadata})
	return &upload{storage: s, key: key, id: id}, err
}

func (u *upload) send(ctx context.Context, content []byte) error {
	if len(u.parts) == maxParts {
		return fmt.Errorf("%w: it has more than %d parts", storage.ErrTooLarge, maxParts)
	}
	part, err := u.storage.server.PutObjectPart(ctx, u.storage.config.Bucket, u.key, u.id, len(u.parts)+1,
		bytes.NewReader(content), int64(len(content)), minio.PutObjectPartOptions{Sha256Hex: sum(content), DisableContentSha256: true})
	if err == nil {
		u.parts = append(u.parts, minio.CompletePart{PartNumber: part.PartNumber, ETag: part.ETag})
	}
	return err
}

func (u *upload) copy(ctx context.Context, source string, from, length int64) error {
	bucket := u.storage.config.Bucket
	part, err := u.storage.server.CopyObjectPart(ctx, bucket, source, bucket, u.key, u.id, len(u.parts)+1, from, length, nil)
	if err == nil {
		u.parts = append(u.parts, part)
	}
	return err
}

// complete creates the object in place of old, or fails if the key has another.
func (u *upload) complete(ctx context.Context, old etag) error {
	var o minio.PutObjectOptions
	old.condition(&o)
	_, err := u.storage.server.CompleteMultipartUpload(ctx, u.storage.config.Bucket, u.key, u.id, u.parts, o)
	return err
}

// abort removes the parts, even after the request has ended.
func (u *upload) abort(ctx context.Context) {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	_ = u.storage.server.AbortMultipartUpload(ctx, u.storage.config.Bucket, u.key, u.id) // if it fails, a sweep removes them
}

var (
	_ received = (*small)(nil)
	_ received = (*staged)(nil)
)
