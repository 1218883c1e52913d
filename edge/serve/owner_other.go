//go:build !unix

package serve

import "io/fs"

// isOurs reports false: this system does not tell the owner.
func isOurs(fs.FileInfo) bool { return false }
