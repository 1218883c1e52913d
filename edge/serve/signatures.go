package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/signature"
	"github.com/tenantedge/tenantedge/tenantdb/file"
)

// signatures decides which guests may be used. A guest is verified before anything
// else reads it.
type signatures struct {
	keys     signature.Keys // empty: signatures are not verified
	required bool
	log      *slog.Logger
	refused  *atomic.Uint64 // counts guests that are refused
}

func newSignatures(c config.Guest, log *slog.Logger, refused *atomic.Uint64) (*signatures, error) {
	keys, err := signature.ParseKeys(c.TrustedKeys)
	if err != nil {
		return nil, errorf("guest.trusted_keys: %w", err)
	}
	return &signatures{keys: keys, required: c.RequireSignature, log: log, refused: refused}, nil
}

// signedGuest is a guest that was verified.
type signedGuest struct {
	own       bool // the program's own, which needs no signature: the built-in router, or Options.Guest
	wasm      []byte
	signature []byte      // empty: it has none
	keyID     string      // of the trusted key that signed it
	by        *signatures // that accepted it; nil: none has
}

// check returns the error that verify would return for any guest with this
// signature. It is for callers that have not read the guest yet.
func (v *signatures) check(text []byte) error {
	if len(v.keys) == 0 || len(text) == 0 && !v.required {
		return nil
	}
	return v.counted(v.keys.Check(text))
}

// verify returns the guest if it is small enough to be loaded and its signature is
// valid.
func (v *signatures) verify(wasm, text []byte) (signedGuest, error) {
	if err := instance.CheckSize(wasm); err != nil {
		return signedGuest{}, err
	}
	if len(v.keys) == 0 {
		return signedGuest{wasm: wasm, signature: text, by: v}, nil
	}
	if len(text) == 0 && !v.required {
		v.log.Warn("a guest without a signature is accepted, because guest.require_signature is false", "digest", instance.Digest(wasm))
		return signedGuest{wasm: wasm, by: v}, nil
	}
	guest := signedGuest{wasm: wasm, signature: text}
	signed, err := v.keys.Verify(wasm, text)
	if guest.keyID = signed.KeyID; err == nil {
		guest.by = v
	}
	return guest, v.counted(err)
}

func (v *signatures) counted(err error) error {
	if err != nil {
		v.refused.Add(1)
	}
	return err
}

// signatureError is the reason why the signature of a guest's file is refused.
type signatureError struct {
	path string
	err  error
}

func (e *signatureError) Error() string { return fmt.Sprintf("the signature %s: %v", e.path, e.err) }

func (e *signatureError) Unwrap() error { return e.err }

// readSignature reads the file of a signature. A missing one is empty.
func (v *signatures) readSignature(path string) ([]byte, fs.FileInfo, error) {
	if len(v.keys) == 0 {
		return nil, nil, nil
	}
	text, info, err := file.ReadRegular(path, signature.MaxSize+1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, &signatureError{path, v.counted(err)}
	}
	return text, info, nil
}

// ReadGuest reads the guest of file, guest.path, and verifies its signature as a
// Server does. signedBy is the ID of the trusted key that signed it, and empty if it
// has no signature or no key is trusted. Without guest.path ReadGuest returns nil.
func ReadGuest(ctx context.Context, file *config.File) (wasm []byte, signedBy string, err error) {
	if file.Guest.Path == "" {
		return nil, "", nil
	}
	v, err := newSignatures(file.Guest, slog.New(slog.DiscardHandler), new(atomic.Uint64))
	if err != nil {
		return nil, "", err
	}
	g := &guestFile{path: file.Guest.Path, signature: file.Guest.SignaturePath(), signatures: v}
	if g.registry, err = newGuestRegistry(ctx, file.Guest); err != nil {
		return nil, "", errors.Unwrap(err) // the caller names the key
	}
	guest, err := g.content(ctx)
	if err != nil {
		return nil, "", err
	}
	return guest.wasm, guest.keyID, nil
}
