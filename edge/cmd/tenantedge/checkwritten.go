package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tenantedge/tenantedge/edge/config"
)

// written checks the files and folders that serve writes to, and removes them from the
// file: a server would create them, and they would belong to the user who runs check.
func (r *checkReport) written(file *config.File) {
	if path := file.AuditLog; path != "" {
		if err := appendable(path); err != nil {
			r.fail(kindSetup, file.At(fmt.Errorf("expected a file that can be appended to: %w", err), "audit_log"))
		}
	}
	if path := file.Usage.Folder; path != "" {
		if err := writable(path, true); err != nil {
			r.fail(kindSetup, file.At(fmt.Errorf("expected a folder that can be written to: %w", err), "usage", "folder"))
		}
	}
	if file.Record != nil {
		if err := writable(file.Record.Folder, true); err != nil {
			r.fail(kindSetup, file.At(fmt.Errorf("expected a folder that can be written to: %w", err), "record", "folder"))
		}
	}
	if path := file.Directory.StateFile; path != "" {
		if err := writable(filepath.Dir(path), false); err != nil {
			r.warnAt(file, fmt.Errorf("expected a file in a folder that can be written to, otherwise the state is not kept: %w", err), "directory", "state_file")
		}
	}
	file.AuditLog, file.Usage.Folder, file.Record = "", "", nil
	file.Directory.StateFile = "" // and the saved state must not replace the database, which is to be checked
}

// appendable returns why a file cannot be appended to, without creating it.
func appendable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return writable(filepath.Dir(path), false)
	case err != nil:
		return err
	case !info.Mode().IsRegular(): // opening a FIFO would block
		return fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// writable returns why no file can be created in a folder. If serve creates the folder,
// that is asked about the folder above it that exists.
func writable(folder string, created bool) error {
	f, err := os.CreateTemp(folder, ".tenantedge-check-*")
	above := filepath.Dir(folder)
	if created && errors.Is(err, fs.ErrNotExist) && above != folder {
		return writable(above, true)
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
