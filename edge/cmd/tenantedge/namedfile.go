package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	tenantfile "github.com/tenantedge/tenantedge/tenantdb/file"
)

// readFile reads a file that the user names, at most limit bytes of it. what is what
// the file is expected to be, for errors.
func readFile(path, what string, limit int64) ([]byte, fs.FileInfo, error) {
	data, info, err := tenantfile.ReadRegular(path, limit)
	return data, info, expected(what, err)
}

// expected adds to an error of the operating system what was expected at its path.
// Other errors say so themselves.
func expected(what string, err error) error {
	if system := (*fs.PathError)(nil); errors.As(err, &system) {
		return fmt.Errorf("expected %s: %w", what, err)
	}
	return err
}

// newFile opens a file for writing that must not exist.
func newFile(path string, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("expected that %s does not exist, found it; choose another name, or remove it first", path)
	}
	return f, err
}
