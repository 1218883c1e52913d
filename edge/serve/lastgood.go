package serve

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/tenantedge/tenantedge/tenantdb/atomicfile"
	"github.com/tenantedge/tenantedge/tenantdb/file"
)

// lastGoodGuest is the file that keeps the last accepted guest of guest.path: its
// SHA-256 digest, then the module. It is used if the guest is missing or refused
// at the start.
type lastGoodGuest struct {
	path string // empty: no guest is saved

	mu   sync.Mutex
	last [sha256.Size]byte // digest of the guest in the file; zero: not known yet
}

// LastGoodError is the reason why the last good guest cannot replace one that is
// missing or refused.
type LastGoodError struct{ Err error }

func (e *LastGoodError) Error() string { return "the last good guest: " + e.Err.Error() }

func (e *LastGoodError) Unwrap() error { return e.Err }

// load returns the guest in the file. It fails if the digest does not match.
func (g *lastGoodGuest) load() ([]byte, error) {
	if g.path == "" {
		return nil, errors.New("found none, because neither a compile cache nor the key guest.last_good is configured")
	}
	data, _, err := file.ReadRegular(g.path, sha256.Size+maxGuestBytes+1)
	if err != nil {
		return nil, err
	}
	if len(data) < sha256.Size {
		return nil, fmt.Errorf("expected %s to begin with a digest, found %d bytes; remove it", g.path, len(data))
	}
	wasm := data[sha256.Size:]
	if sum := sha256.Sum256(wasm); !bytes.Equal(sum[:], data[:sha256.Size]) {
		return nil, fmt.Errorf("expected the content of %s to match its digest, found a mismatch; remove it", g.path)
	}
	return wasm, nil
}

// removeUnfinished removes the temporary files of processes that ended during
// save.
func (g *lastGoodGuest) removeUnfinished() error {
	if g.path == "" {
		return nil
	}
	return atomicfile.RemoveUnfinished(g.path)
}

// save writes wasm, which was accepted, to the file unless it is there already.
func (g *lastGoodGuest) save(wasm []byte) error {
	if g.path == "" {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	sum := sha256.Sum256(wasm)
	if sum == g.last {
		return nil
	}
	if saved, err := g.load(); err == nil && bytes.Equal(saved, wasm) {
		g.last = sum
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(g.path), 0o700); err != nil {
		return err
	}
	err := atomicfile.Write(g.path, func(w io.Writer) error {
		_, err := w.Write(sum[:])
		if err == nil {
			_, err = w.Write(wasm)
		}
		return err
	})
	if err != nil {
		return err
	}
	g.last = sum
	return nil
}
