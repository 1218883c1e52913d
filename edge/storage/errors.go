package storage

import (
	"errors"
	"fmt"
	"io/fs"
)

// What to branch on, beside the errors of [io/fs]: a file that is missing is
// [fs.ErrNotExist] here too.
var (
	// ErrSuspicious is Django's SuspiciousFileOperation: a name that leaves the
	// tenant's files, or that is no name of a file at all.
	ErrSuspicious = errors.New("suspicious file operation")
	// ErrNoTenant is the answer where no tenant was found. There are no files
	// then, and never those of all tenants.
	ErrNoTenant = errors.New("storage: no tenant, so no files")
	// ErrIdentifier tells of a tenant whose files cannot have a folder of their
	// own.
	ErrIdentifier = errors.New("identifier of the tenant's files")
	// ErrNoURL is the answer of a storage without a base URL.
	ErrNoURL = errors.New("storage: files have no URL: set the base URL")
	// ErrTooLarge tells that content is larger than Config.MaxSize.
	ErrTooLarge = errors.New("storage: file is too large")
	// ErrDepth is the answer to a name with more folders than Config.MaxDepth.
	ErrDepth = errors.New("storage: the name has too many folders")
	// ErrFull tells that the disk has no more free than Config.MinFree.
	ErrFull = errors.New("storage: the disk is full")
	// ErrSignature tells that a URL was not signed for this use, or for no
	// longer.
	ErrSignature = errors.New("storage: signature refused")
	// ErrUnconditional tells of a server that does what it was to do under a
	// condition alone, so that files would be overwritten.
	ErrUnconditional = errors.New("storage: the server leaves out conditions")
	// ErrQuota tells that a tenant's quota leaves no room.
	ErrQuota = errors.New("storage: the tenant's quota is used up")
)

// suspicious names the file as it was given, cut short: it may be an attacker's.
func suspicious(name, why string) error {
	return fmt.Errorf("storage: %.200q %s: %w", name, why, ErrSuspicious)
}

// told is err with ErrSuspicious in its chain if a link led out of the root.
func told(err, escapes error) error {
	if err == nil || escapes == nil || !errors.Is(err, escapes) {
		return err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return &fs.PathError{Op: path.Op, Path: path.Path, Err: fmt.Errorf("%w: %w", ErrSuspicious, escapes)}
	}
	return fmt.Errorf("storage: %w: %w", ErrSuspicious, err)
}
