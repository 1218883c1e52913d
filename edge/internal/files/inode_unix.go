//go:build unix

package files

import (
	"io/fs"
	"syscall"
)

// inode returns the inode number of a file; 0 if it has none.
func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Ino)
	}
	return 0
}
