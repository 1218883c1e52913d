//go:build unix && !solaris && !aix

package storage

import (
	"errors"
	"os"
	"syscall"
)

// claim locks a new temporary file. It is not held if a sweeper has it, or had
// it and removed it.
func claim(f *os.File) (held bool, err error) {
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return false, nil
	case err != nil:
		// A file system without locks: no sweeper can have it either.
		return true, nil
	}
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || stat.Nlink > 0, nil
}

// isAbandoned reports whether no process holds the lock of the file, and takes it then.
func isAbandoned(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// hold waits until nobody else holds the file, and holds it until it is closed.
// Those who do, do so for as long as a change of names takes.
func hold(f *os.File) error {
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

// adopt gives a file the group of the tenant's folder, as Django does, where
// that is allowed.
func (v *View) adopt(f *os.File) {
	root := v.opened.Load()
	if root == nil {
		return // closed meanwhile
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
		_ = f.Chown(-1, int(want.Gid)) // not ours to give: it stays as it is
	}
}
