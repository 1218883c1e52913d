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

// keptGuest is a file that holds the last guest that guest.path gave and that
// was let in: its SHA-256 digest, then the module. A start whose guest is
// refused takes it.
type keptGuest struct {
	path string // empty: none is kept

	mu   sync.Mutex
	last [sha256.Size]byte // the digest of what the file holds
}

// KeptGuestError says why the guest that was kept does not serve in the place of
// one that is refused.
type KeptGuestError struct{ Err error }

func (e *KeptGuestError) Error() string { return "the last good guest: " + e.Err.Error() }

func (e *KeptGuestError) Unwrap() error { return e.Err }

// load returns the guest, if the file holds what was written to it.
func (k *keptGuest) load() ([]byte, error) {
	if k.path == "" {
		return nil, errors.New("no guest is kept, as there is no compile cache and no key guest.last_good")
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
		return nil, fmt.Errorf("expected %s to hold what its digest says, found other bytes; remove it", k.path)
	}
	return wasm, nil
}

// removeUnfinished removes what processes left that ended while they kept a guest.
func (k *keptGuest) removeUnfinished() error {
	if k.path == "" {
		return nil
	}
	return atomicfile.RemoveUnfinished(k.path)
}

// save keeps wasm, which was let in.
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
