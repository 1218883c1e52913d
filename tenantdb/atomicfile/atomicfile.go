// Package atomicfile replaces a file atomically and durably: readers see the old
// content or the new, also after a power failure.
//
//	err := atomicfile.Write(path, func(w io.Writer) error {
//		_, err := w.Write(content)
//		return err
//	})
package atomicfile

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Write replaces the file at path by one with mode 0600 that holds what write
// writes. If it fails, the old file stays, except that a failure to sync the
// folder is reported after the replacement.
func Write(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename in a folder durable, where the system can do that.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // it syncs no folders
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil // a folder may be writable and not readable
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// RemoveUnfinished removes the temporary files of processes that ended during a
// Write to path. No other process may be writing to path.
func RemoveUnfinished(path string) error {
	folder, base := filepath.Split(path)
	entries, err := os.ReadDir(cmp.Or(folder, "."))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		number, ours := strings.CutPrefix(e.Name(), base+".")
		number, temporary := strings.CutSuffix(number, ".tmp")
		digits := number != "" && strings.Trim(number, "0123456789") == ""
		if !ours || !temporary || !digits || !e.Type().IsRegular() {
			continue
		}
		if removed := os.Remove(filepath.Join(folder, e.Name())); !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}
	return err
}
