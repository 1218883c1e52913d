//go:build !linux

package storage

import "os"

// freeBytes is not asked for here.
func freeBytes(*os.File) (free int64, known bool) { return 0, false }
