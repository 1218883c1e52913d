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

// keptGuest is the file that keeps the last accepted guest of guest.path: its
// SHA-256 digest, then the module. It is used if the guest is missing or refused
// at the start.
type keptGuest struct {
	path string // empty: none is kept

	mu   sync.Mutex
	last [sha256.Size]byte // digest of the guest in the file; zero: not known yet
}

// KeptGuestError is the reason why the last good guest cannot replace one that is
// missing or refused.
type KeptGuestError struct{ Err error }

func (e *KeptGuestError) Error() string { return "the last good guest: " + e.Err.Error() }

func (e *KeptGuestError) Unwrap() error { return e.Err }

// load returns the guest in the file. It fails if the digest does not match.
func (k *keptGuest) load() ([]byte, error) {
	if k.path == "" {
		return nil, errors.New("found none, because neither a compile cache nor the key guest.last_good is configured")
	}
	data, _, err := file.ReadRegular(k.path, sha256.Size+mostGuest+1)
	if err != nil {
		return nil, err
	}
	if len(data) < sha256.Size {
		return nil, fmt.Errorf("expected %s to begin with a digest, found %d bytes; remove it", k.path, len(data))
	}
	wasm := data[sha256.Size:]
	if sum := sha256.Sum256(wasm); !bytes.Equal(sum[:], data[:sha256.Size]) {
		return nil, fmt.Errorf("expected the content of %s to match its digest, found a mismatch; remove it", k.path)
	}
	return wasm, nil
}

// removeUnfinished removes the temporary files of processes that ended during
// save.
func (k *keptGuest) removeUnfinished() error {
	if k.path == "" {
		return nil
	}
	return atomicfile.RemoveUnfinished(k.path)
}

// save writes wasm, which was accepted, to the file unless it is there already.
func (k *keptGuest) save(wasm []byte) error {
	if k.path == "" {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	sum := sha256.Sum256(wasm)
	if sum == k.last {
		return nil
	}
	if kept, err := k.load(); err == nil && bytes.Equal(kept, wasm) {
		k.last = sum
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(k.path), 0o700); err != nil {
		return err
	}
	err := atomicfile.Write(k.path, func(w io.Writer) error {
		_, err := w.Write(sum[:])
		if err == nil {
			_, err = w.Write(wasm)
		}
		return err
	})
	if err != nil {
		return err
	}
	k.last = sum
	return nil
}
