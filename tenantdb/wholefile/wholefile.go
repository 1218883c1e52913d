// Package wholefile replaces files as a whole: whoever reads one finds the old
// content or the new, also after the machine loses power.
//
//	err := wholefile.Replace(path, func(w io.Writer) error {
//		_, err := w.Write(content)
//		return err
//	})
package wholefile

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Replace puts what write writes in the place of the file at path, with mode
// 0600. The file that was there stays until the new one is on disk.
func Replace(path string, write func(io.Writer) error) error {
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

// syncFolder writes a rename in a folder to disk. A folder that cannot be opened
// was written to all the same.
func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return nil
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// RemoveUnfinished removes the temporary files of processes that ended during
// Replace of path. No other process may be replacing it.
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
