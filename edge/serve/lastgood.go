package serve

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/tenantedge/tenantedge/edge/internal/signature"
	"github.com/tenantedge/tenantedge/tenantdb/atomicfile"
	"github.com/tenantedge/tenantedge/tenantdb/file"
)

// lastGoodGuest is the file that keeps the last accepted guest of guest.path and its
// signature: the SHA-256 digest of the rest, the size of the signature in four
// bytes, big-endian, the signature and the module. It is used if the guest is
// missing or refused at the start.
type lastGoodGuest struct {
	path string // empty: no guest is saved

	mu   sync.Mutex
	last [sha256.Size]byte // digest in the file; zero: not known yet
}

// lastGoodHead is the number of bytes before the signature.
const lastGoodHead = sha256.Size + 4

// LastGoodError is the reason why the last good guest cannot replace one that is
// missing or refused.
type LastGoodError struct{ Err error }

func (e *LastGoodError) Error() string { return "the last good guest: " + e.Err.Error() }

func (e *LastGoodError) Unwrap() error { return e.Err }

// load returns the guest in the file, whose signature is not verified. It fails if
// the digest does not match.
func (g *lastGoodGuest) load() (signedGuest, error) {
	if g.path == "" {
		return signedGuest{}, errors.New("found none, because neither a compile cache nor the key guest.last_good is configured")
	}
	data, _, err := file.ReadRegular(g.path, lastGoodHead+signature.MaxSize+maxGuestBytes+1)
	if err != nil {
		return signedGuest{}, err
	}
	guest, err := decodeLastGood(data)
	if err != nil {
		return signedGuest{}, fmt.Errorf("expected %s to %w; remove it", g.path, err)
	}
	return guest, nil
}

// decodeLastGood decodes the content of the file. The error says what was expected
// of the file.
func decodeLastGood(data []byte) (signedGuest, error) {
	if len(data) < lastGoodHead {
		return signedGuest{}, fmt.Errorf("begin with a digest, found %d bytes", len(data))
	}
	sum, size, rest := sha256.Sum256(data[sha256.Size:]), binary.BigEndian.Uint32(data[sha256.Size:]), data[lastGoodHead:]
	if !bytes.Equal(sum[:], data[:sha256.Size]) || uint64(size) > uint64(len(rest)) {
		return signedGuest{}, errors.New("match its digest, found a mismatch")
	}
	return signedGuest{wasm: rest[size:], signature: rest[:size:size]}, nil
}

// removeUnfinished removes the temporary files of processes that ended during
// save.
func (g *lastGoodGuest) removeUnfinished() error {
	if g.path == "" {
		return nil
	}
	return atomicfile.RemoveUnfinished(g.path)
}

// save writes a guest, which was accepted, to the file unless it is there already.
func (g *lastGoodGuest) save(guest signedGuest) error {
	if g.path == "" {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	size := binary.BigEndian.AppendUint32(nil, uint32(len(guest.signature)))
	h := sha256.New()
	for _, part := range [][]byte{size, guest.signature, guest.wasm} {
		h.Write(part) // never fails
	}
	sum := [sha256.Size]byte(h.Sum(nil))
	if sum == g.last {
		return nil
	}
	if saved, err := g.load(); err == nil && bytes.Equal(saved.wasm, guest.wasm) && bytes.Equal(saved.signature, guest.signature) {
		g.last = sum
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(g.path), 0o700); err != nil {
		return err
	}
	err := atomicfile.Write(g.path, func(w io.Writer) error {
		for _, part := range [][]byte{sum[:], size, guest.signature, guest.wasm} {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	g.last = sum
	return nil
}

// remove removes the file, if there is one.
func (g *lastGoodGuest) remove() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = [sha256.Size]byte{}
	if err := os.Remove(g.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
