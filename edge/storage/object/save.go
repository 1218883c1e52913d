package object

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// Save writes content to a new file and returns its name: name, or an
// alternative of at most maxLength characters if name is taken (see
// [storage.AvailableName]). It never overwrites a file, whoever saves it: the
// server creates the object only if its key is free.
//
// Content smaller than Config.PartSize is sent when all of it has arrived.
// Larger content is uploaded in parts to an object that no tenant can name, which
// the server then copies to the name. Either way the file appears complete.
//
// It returns ErrTooLarge beyond Config.MaxSize, and ErrQuota beyond the tenant's
// quota.
func (v *View) Save(ctx context.Context, name string, content io.Reader, maxLength int) (saved string, err error) {
	if _, err := v.ResolveNew(name); err != nil {
		return "", err
	}
	exists := func(name string) (bool, error) { return v.exists(ctx, name) }
	if name, err = storage.AvailableName(name, maxLength, exists); err != nil {
		return "", err
	}
	key, err := v.key(name)
	if err != nil {
		return "", err
	}
	if err := v.checkFolders(ctx, key); err != nil {
		return "", err
	}
	in, err := v.storage.ledger.Intake(ctx, &v.names, content, v.storage.config.MaxSize, storage.Usage{Files: 1})
	if err != nil {
		return "", err
	}
	defer func() { in.Settle(saved != "") }()
	object, err := v.storage.receive(ctx, v.Identifier(), in)
	if err != nil {
		return "", pathError("save", v.rel(key), err)
	}
	defer object.discard(ctx)
	return v.createFree(ctx, object, key, maxLength, exists)
}

// createFree creates an object with a key, or with that of an alternative name
// while other savers are faster.
func (v *View) createFree(ctx context.Context, object received, key string, maxLength int, exists func(string) (bool, error)) (string, error) {
	for {
		rel := v.rel(key)
		_, err := v.storage.create(ctx, key, object)
		if err == nil {
			return rel, nil
		}
		if !taken(err) {
			return "", pathError("save", rel, err)
		}
		// rel is taken, even if the server does not list it yet.
		isTaken := func(name string) (bool, error) {
			if name == rel {
				return true, nil
			}
			return exists(name)
		}
		if rel, err = storage.AvailableName(rel, maxLength, isTaken); err != nil {
			return "", err
		}
		if key, err = v.key(rel); err != nil {
			return "", err
		}
	}
}

// checkFolders fails if one of the folders above a key is a file. The server
// would allow it, but listings would not show what is below.
func (v *View) checkFolders(ctx context.Context, key string) error {
	for folder := path.Dir(key); len(folder) > len(v.top()); folder = path.Dir(folder) {
		switch _, err := v.storage.head(ctx, folder); {
		case err == nil:
			return &fs.PathError{Op: "save", Path: v.rel(key), Err: syscall.ENOTDIR}
		case !missing(err):
			return pathError("save", v.rel(key), err)
		}
	}
	return nil
}

// received is complete content that create makes an object of.
type received interface {
	// create creates an object in place of old. It fails if the key has another
	// object.
	create(ctx context.Context, key, token string, old etag) error
	// length returns the number of bytes.
	length() int64
	// discard removes what it has staged on the server.
	discard(ctx context.Context)
}

// receive reads all of the content. What exceeds one request is uploaded to a
// reserved name in the tenant's folder.
func (s *Storage) receive(ctx context.Context, identifier string, content io.Reader) (received, error) {
	first := new(bytes.Buffer)
	switch _, err := io.CopyN(first, content, s.config.PartSize); {
	case err == io.EOF:
		return &small{s, first.Bytes()}, ctx.Err()
	case err != nil:
		return nil, err
	}
	return s.stage(ctx, identifier, first, content)
}

// small is content that one request sends.
type small struct {
	storage *Storage
	content []byte
}

func (o *small) create(ctx context.Context, key, token string, old etag) error {
	_, err := o.storage.server.PutObject(ctx, o.storage.config.Bucket, key, bytes.NewReader(o.content), int64(len(o.content)), "", sum(o.content), putOptions(token, old))
	return err
}

func (o *small) length() int64 { return int64(len(o.content)) }

// sum lets the server verify what arrives.
func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}

func (o *small) discard(context.Context) {}

// maxConflicts is how often a request is repeated that the server answers with
// a conflict.
const maxConflicts = 20

// create creates an object, or fails if the key has one. The token is the
// object's.
func (s *Storage) create(ctx context.Context, key string, object received) (token string, err error) {
	return s.publish(ctx, key, object, none)
}

// publish creates an object in place of old, or fails if the key has another.
func (s *Storage) publish(ctx context.Context, key string, object received, old etag) (token string, err error) {
	for tries := 1; ; tries++ {
		token = newToken()
		err = s.settle(ctx, key, token, old, object.create(ctx, key, token, old))
		if !conflicting(err) || tries == maxConflicts || ctx.Err() != nil {
			return token, err
		}
	}
}

// newToken returns a random mark for the object of one save.
func newToken() string { return strings.TrimLeft(backend.ReservedName(), ".") }

// settle returns the true result of a request that creates an object and returned
// err. If the answer was lost, the client has repeated the request, and the server
// has rejected the repetition, because the first one created the object. A server
// may also reject a request before it has read the content, of which the client
// sees only a broken connection. The token of the object shows whose it is.
func (s *Storage) settle(ctx context.Context, key, token string, old etag, err error) error {
	if err == nil || rejected(err) && !taken(err) && !missing(err) {
		return err
	}
	after, cancel := afterwards(ctx)
	defer cancel()
	found, failed := s.head(after, key)
	switch {
	case failed != nil:
		return err
	case found.UserMetadata[saveToken] == token:
		if ctx.Err() != nil && old == none {
			return errors.Join(ctx.Err(), s.removeOnly(after, key, found.ETag)) // the caller gets an error
		}
		return nil // a replaced object cannot be restored
	case old != none && found.ETag == string(old):
		return err // the old object is unchanged
	default:
		return fmt.Errorf("%w: %w", fs.ErrExist, err)
	}
}
