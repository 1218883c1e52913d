package storage

import (
	"errors"
	"fmt"
)

// Errors to branch on. A missing file is [fs.ErrNotExist], a taken name
// [fs.ErrExist]; an error about one file is an [fs.PathError] if possible.
var (
	// ErrSuspicious is Django's SuspiciousFileOperation: the name leaves the
	// tenant's files, or cannot be that of a file.
	ErrSuspicious = errors.New("suspicious file operation")
	// ErrNoTenant means that no tenant was named, so that there are no files.
	ErrNoTenant = errors.New("storage: no tenant, so no files")
	// ErrIdentifier means that the tenant's files cannot have their own folder:
	// the identifier is no folder name, or another tenant has it.
	ErrIdentifier = errors.New("identifier of the tenant's files")
	// ErrNoURL means that the storage has no base URL.
	ErrNoURL = errors.New("storage: files have no URL: set the base URL")
	// ErrTooLarge means that the content exceeds Config.MaxSize.
	ErrTooLarge = errors.New("storage: file is too large")
	// ErrDepth means that the name has more folders than Config.MaxDepth.
	ErrDepth = errors.New("storage: the name has too many folders")
	// ErrFull means that the disk has less free space than Config.MinFree, or
	// that the server of a bucket has none.
	ErrFull = errors.New("storage: the disk is full")
	// ErrQuota means that the tenant's quota leaves no room.
	ErrQuota = errors.New("storage: the tenant's quota is used up")
	// ErrChanged means that a file is not the one that was to be replaced or
	// removed.
	ErrChanged = errors.New("storage: the file has changed")
	// ErrSignature means that a URL was not signed for this use, or has expired.
	ErrSignature = errors.New("storage: invalid signature")
)

// suspicious returns ErrSuspicious for a name, which is quoted and truncated:
// an attacker may have chosen it.
func suspicious(name, why string) error {
	return fmt.Errorf("storage: %.200q %s: %w", name, why, ErrSuspicious)
}
