//go:build unix

package files

import (
	"io/fs"
	"syscall"
)

// inode is the number of the file in its file system; 0 if it has none.
func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Ino)
	}
	return 0
}
