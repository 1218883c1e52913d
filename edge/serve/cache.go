package serve

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/artifact"
)

// lastGoodPath returns the path of the file that keeps the last good guest: the
// one that the configuration names, or one in the compile cache whose name is
// made from guest.path. It is empty if there is neither.
func lastGoodPath(c config.Guest, cache string) string {
	if c.Path == "" || c.LastGood != "" || cache == "" {
		return c.LastGood
	}
	path, err := filepath.Abs(c.Path)
	if artifact.IsReference(c.Path) { // another digest is another version of the same guest
		var r artifact.Reference
		r, err = artifact.Parse(c.Path)
		path = r.Name()
	}
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "last-good", fmt.Sprintf("%.16x.guest", sha256.Sum256([]byte(path))))
}

// compileCache returns a folder in the user's cache folder for compiled guests,
// which makes the next start about ten times as fast. The code in it is
// executed: it is empty if other users can write to the folder.
func compileCache() string {
	parent, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	folder := filepath.Join(parent, "tenantedge")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return ""
	}
	info, err := os.Lstat(folder)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 || !ownedByUser(info) {
		return ""
	}
	return folder
}
