//go:build !linux

package storage

import "io/fs"

func timesOf(info fs.FileInfo) Times { return Times{Modified: info.ModTime()} }
