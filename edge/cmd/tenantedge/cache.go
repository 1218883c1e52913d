package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tenantedge/tenantedge/edge/config"
)

// keptGuest names the file that keeps the last good guest: the one that the
// configuration names, or one of the guest's path in the compile cache; empty
// if there is neither.
func keptGuest(c config.Guest, cache string) string {
	if c.Path == "" || c.LastGood != "" || cache == "" {
		return c.LastGood
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "last-good", fmt.Sprintf("%.16x.guest", sha256.Sum256([]byte(path))))
}

// compileCache is a folder of this user's for the guest's machine code, which
// makes the next start ten times as fast; empty where there is none that
// nobody else can write to: what is in it is run.
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
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 || !isOurs(info) {
		return ""
	}
	return folder
}
