//go:build unix

package serve

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
)

// Opening a FIFO would wait for a writer.
func TestG11AFIFOInPlaceOfASignatureIsRefused(t *testing.T) {
	ours := newSigner(t)
	path := filepath.Join(t.TempDir(), "guest.wasm")
	put(t, path, numbered(0))
	file := &config.File{Guest: trusting(ours)}
	file.Guest.Path = path
	if err := syscall.Mkfifo(path+".minisig", 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadGuest(t.Context(), file); err == nil || !strings.Contains(err.Error(), "a FIFO") {
		t.Errorf("got %v", err)
	}
	if err := checkAuditLog(path + ".minisig"); err == nil || !strings.Contains(err.Error(), "audit_log") {
		t.Errorf("a FIFO as the audit log: %v", err)
	}
}
