package files

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// factsOf returns what a stat shows of a file; false if that is too little to
// recognize it.
func factsOf(info fs.FileInfo) (facts, bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return facts{}, false
	}
	return facts{uint64(s.Dev), s.Ino, s.Size, s.Mtim.Nano(), s.Ctim.Nano()}, true
}

// zfs is the type of a file system that package unix does not name.
const zfs = 0x2fc12fc1

// isLocal reports whether a file is on a file system of this machine that records
// every change. Those of a network, and FUSE, answer a stat from a cache.
func isLocal(f fs.File) bool {
	file, ok := f.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return false
	}
	var s unix.Statfs_t
	failed := raw.Control(func(fd uintptr) { err = unix.Fstatfs(int(fd), &s) })
	if failed != nil || err != nil {
		return false
	}
	switch uint32(s.Type) { // of another size and sign on other processors
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, zfs:
		return true
	}
	return false
}
