//go:build !unix

package files

import "io/fs"

// inode returns 0: these systems report no inode number.
func inode(fs.FileInfo) uint64 { return 0 }
