package main

import (
	"os"
	"path/filepath"
)

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
