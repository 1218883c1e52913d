package object

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/minio/minio-go/v7"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// staged is content in an object that no tenant can name.
type staged struct {
	storage *Storage
	key     string
	size    int64
}

// defaultCopySize is how much of an object the server copies by one request.
const defaultCopySize = 512 << 20

// stage sends content in parts, the first of which is there.
func (s *Storage) stage(ctx context.Context, identifier string, first *bytes.Buffer, content io.Reader) (_ *staged, err error) {
	s.sweepOnce(identifier)
	o := &staged{storage: s, key: s.key(identifier) + "/" + storage.ReservedName()}
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

// create has the server copy the object: only an upload in parts can be both a
// copy and refused if there is another object of its key.
func (o *staged) create(ctx context.Context, key, token string, old seen) (err error) {
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
	_ = o.storage.remove(ctx, o.key) // if it cannot go, a sweep takes it
}

// upload is an object that is made of parts.
type upload struct {
	storage *Storage
	key, id string
	parts   []minio.CompletePart
}

func (s *Storage) begin(ctx context.Context, key, token string) (*upload, error) {
	o := fresh(token, none) // of which completing takes the condition, and this the rest
	id, err := s.server.NewMultipartUpload(ctx, s.config.Bucket, key, minio.PutObjectOptions{ContentType: o.ContentType, UserMetadata: o.UserMetadata})
	return &upload{storage: s, key: key, id: id}, err
}

func (u *upload) send(ctx context.Context, content []byte) error {
	if len(u.parts) == mostParts {
		return fmt.Errorf("%w: it has more than %d parts", storage.ErrTooLarge, mostParts)
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

// complete makes the object in the place of one, or fails if another has it.
func (u *upload) complete(ctx context.Context, old seen) error {
	var o minio.PutObjectOptions
	old.condition(&o)
	_, err := u.storage.server.CompleteMultipartUpload(ctx, u.storage.config.Bucket, u.key, u.id, u.parts, o)
	return err
}

// abort removes the parts, also for a request that is over.
func (u *upload) abort(ctx context.Context) {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	_ = u.storage.server.AbortMultipartUpload(ctx, u.storage.config.Bucket, u.key, u.id) // if they cannot go, a sweep takes them
}

var (
	_ received = (*small)(nil)
	_ received = (*staged)(nil)
)
