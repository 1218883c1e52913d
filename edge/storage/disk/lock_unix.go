//go:build unix && !solaris && !aix

package disk

import (
	"errors"
	"os"
	"syscall"
)

// claim locks a file that was just created. held is false if a sweeper has the
// lock, or had it and removed the file.
func claim(f *os.File) (held bool, err error) {
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return false, nil
	case err != nil:
		// The file system has no locks, so no sweeper can have it either.
		return true, nil
	}
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || stat.Nlink > 0, nil
}

// tryLock locks a file unless another process or open file has locked it, and
// reports whether it did.
func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// lock waits for the lock of a file, and holds it until the file is closed.
// Others hold it only while they change the file's name.
func lock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOTSUP):
			return nil // a file system without locks
		default:
			return err
		}
	}
}

// adopt gives a file the group of the tenant's folder, as Django does, if that
// is permitted.
func (v *View) adopt(f *os.File) {
	root := v.opened.Load()
	if root == nil {
		return // the view was closed meanwhile
	}
	above, err := root.Stat(".")
	if err != nil {
		return
	}
	info, err := f.Stat()
	if err != nil {
		return
	}
	want, ok := above.Sys().(*syscall.Stat_t)
	have, ok2 := info.Sys().(*syscall.Stat_t)
	if ok && ok2 && want.Gid != have.Gid {
		_ = f.Chown(-1, int(want.Gid)) // if not permitted, the group stays
	}
}
