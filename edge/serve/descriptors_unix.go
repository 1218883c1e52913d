//go:build unix

package serve

import "syscall"

// descriptors returns how many files and sockets the process may have open.
func descriptors() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return fallbackDescriptors
	}
	return int(min(uint64(limit.Cur), mostDescriptors)) // on some systems it is signed
}
