package storage

import (
	"io/fs"
	"syscall"
	"time"
)

func timesOf(info fs.FileInfo) Times {
	t := Times{Modified: info.ModTime()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		t.Created = time.Unix(stat.Ctim.Unix())
		t.Accessed = time.Unix(stat.Atim.Unix())
	}
	return t
}
