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
)

// Save writes content into a new file and returns the name it got: name, or
// an alternative if that is taken (see [storage.View.AvailableName] for
// maxLength). A file that exists is never overwritten, whoever saves it: the
// server makes the object only if there is none of its key.
//
// Content of less than Config.PartSize is sent when all of it is there. What is
// larger becomes an object that no tenant can name, in parts, and is copied by
// the server, to the name that is then free. Either way the file is there with
// all its content or not at all.
//
// More than Config.MaxSize is ErrTooLarge, and more than the tenant's quota
// leaves is ErrQuota.
func (v *View) Save(ctx context.Context, name string, content io.Reader, maxLength int) (saved string, err error) {
	if err := v.CheckNew(name); err != nil {
		return "", err
	}
	exists := func(name string) (bool, error) { return v.exists(ctx, name) }
	if name, err = storage.FreeName(name, maxLength, exists); err != nil {
		return "", err
	}
	key, err := v.key(name)
	if err != nil {
		return "", err
	}
	if err := v.checkFolders(ctx, key); err != nil {
		return "", err
	}
	in, err := v.storage.ledger.Intake(ctx, &v.names, content, v.storage.config.MaxSize)
	if err != nil {
		return "", err
	}
	defer func() { in.Settle(saved != "") }()
	object, err := v.storage.receive(ctx, v.Identifier(), in)
	if err != nil {
		return "", told("save", v.rel(key), err)
	}
	defer object.discard(ctx)
	for rel := v.rel(key); ; {
		_, err := v.storage.create(ctx, key, object)
		if err == nil {
			return rel, nil
		}
		if !taken(err) {
			return "", told("save", rel, err)
		}
		// Another was faster. The server knows its name, so that this one differs.
		if rel, err = storage.FreeName(rel, maxLength, func(name string) (bool, error) {
			if name == rel {
				return true, nil
			}
			return exists(name)
		}); err != nil {
			return "", err
		}
		if key, err = v.key(rel); err != nil {
			return "", err
		}
	}
}

// checkFolders fails if one of the folders above a key is a file. The server
// would not mind, but nobody would find what is below it.
func (v *View) checkFolders(ctx context.Context, key string) error {
	for folder := path.Dir(key); len(folder) > len(v.top()); folder = path.Dir(folder) {
		switch _, err := v.storage.head(ctx, folder); {
		case err == nil:
			return &fs.PathError{Op: "save", Path: v.rel(key), Err: syscall.ENOTDIR}
		case !missing(err):
			return told("save", v.rel(key), err)
		}
	}
	return nil
}

// received is content that is whole, and becomes an object by create.
type received interface {
	// create makes an object of it, in the place of the one that old says, or
	// fails if another has it.
	create(ctx context.Context, key, token string, old seen) error
	// length is how many bytes it has.
	length() int64
	// discard removes what is left of it on the server.
	discard(ctx context.Context)
}

// receive takes all of the content. What is too large for one request goes to
// the tenant's folder for now.
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

// small is content that is sent by one request.
type small struct {
	storage *Storage
	content []byte
}

func (o *small) create(ctx context.Context, key, token string, old seen) error {
	_, err := o.storage.server.PutObject(ctx, o.storage.config.Bucket, key, bytes.NewReader(o.content), int64(len(o.content)), "", sum(o.content), fresh(token, old))
	return err
}

func (o *small) length() int64 { return int64(len(o.content)) }

// sum has the server refuse what did not arrive as it was sent.
func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}

func (o *small) discard(context.Context) {}

// mostConflicts is how often the server may put an answer off.
const mostConflicts = 20

// create makes an object, or fails if there is one. The token is the object's.
func (s *Storage) create(ctx context.Context, key string, object received) (token string, err error) {
	return s.publish(ctx, key, object, none)
}

// publish makes an object in the place of one that was seen, or of none, or
// fails.
func (s *Storage) publish(ctx context.Context, key string, object received, old seen) (token string, err error) {
	for tries := 1; ; tries++ {
		token = newToken()
		err = s.settle(ctx, key, token, old, object.create(ctx, key, token, old))
		if !conflicting(err) || tries == mostConflicts || ctx.Err() != nil {
			return token, err
		}
	}
}

// newToken marks the object of one save.
func newToken() string { return strings.TrimLeft(storage.ReservedName(), ".") }

// settle is what became of making an object, where err may be for a lost
// answer: the request is then repeated, and the server refuses what it has
// done; or it refuses, and does not wait for the content. The object tells, by
// its mark.
func (s *Storage) settle(ctx context.Context, key, token string, old seen, err error) error {
	if err == nil || refused(err) && !taken(err) && !missing(err) {
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
			return errors.Join(ctx.Err(), s.removeOnly(after, key, found.ETag)) // whoever waited is gone
		}
		return nil // what was replaced cannot be brought back
	case old != none && found.ETag == string(old):
		return err // it is as it was
	default:
		return fmt.Errorf("%w: %w", fs.ErrExist, err)
	}
}
