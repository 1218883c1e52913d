//go:build unix

package serve

import "syscall"

// descriptors returns the limit of open files and sockets of the process.
func descriptors() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return fallbackDescriptors
	}
	return int(min(uint64(limit.Cur), maxDescriptors)) // on some systems it is signed
}
