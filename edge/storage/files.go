package storage

import (
	"context"
	"io"
	"io/fs"
	"os"
)

// Backend keeps the files of all tenants: [Storage] on a disk, and package
// object in a bucket. It is for those who need not know which.
type Backend interface {
	// Files returns those of a tenant. Nothing is created before a file is saved.
	// ctx is for finding out where they are.
	Files(ctx context.Context, t Tenant) (Files, error)
	// NewIdentifiers returns what tells whether the files of all tenants are
	// apart. It knows no tenant yet.
	NewIdentifiers() *Identifiers
	// Close ends what the backend does by itself, and waits for it.
	Close() error
}

// Files are those of one tenant, wherever they are kept. They are safe for
// concurrent use.
//
// Open, Stat and ReadDir take names by the rules of package io/fs, all others
// as Django does. What to branch on is the same for all backends: the errors
// of [io/fs], and those of this package.
type Files interface {
	fs.StatFS    // a file that Open returns is a File
	fs.ReadDirFS // in order

	// Identifier stands for the tenant in paths and URLs.
	Identifier() string
	// BaseURL is the URL above the tenant's files, empty if they have none.
	BaseURL() string
	// URL is the file's, by the guest's decision.
	URL(ctx context.Context, name string) (string, error)

	// OpenRead opens a file, and no folder, for reading.
	OpenRead(name string) (File, error)
	// Save writes content into a new file and returns the name it got: name, or
	// an alternative if that is taken, of no more than maxLength characters (0:
	// no limit). A file is there when it is whole, and is never overwritten.
	Save(ctx context.Context, name string, content io.Reader, maxLength int) (saved string, err error)
	// Create is Save under that name or none: fs.ErrExist if it is taken. The
	// information is that of the new file.
	Create(ctx context.Context, name string, content io.Reader) (fs.FileInfo, error)
	// Replace exchanges a file for content in one step. is tells whether a file is
	// the one that is meant, and may be asked twice, before the content is read and
	// after; if it is not, the error is ErrChanged. Concurrent replacers do not
	// replace each other's unseen.
	Replace(ctx context.Context, name string, content io.Reader, is func(fs.FileInfo) bool) (fs.FileInfo, error)
	// Remove is Delete of a file, and no folder, that is the one that is meant:
	// ErrChanged otherwise, and fs.ErrNotExist where there is none.
	Remove(name string, is func(fs.FileInfo) bool) error
	// AvailableName is the name that Save would give.
	AvailableName(name string, maxLength int) (string, error)
	// Exists reports whether a name is taken, by a file or a folder.
	Exists(name string) (bool, error)
	// ListDir gives the names of the folders and the files in a folder, both in
	// order. The name "" is the folder above all of the tenant's.
	ListDir(name string) (dirs, files []string, err error)
	// Size is a file's, in bytes.
	Size(name string) (int64, error)
	// Times of a file. What the backend does not know is zero.
	Times(name string) (Times, error)
	// Delete removes a file, or a folder that is empty. One that is not there is
	// no error.
	Delete(name string) error
	// Usage counts what the tenant keeps, whoever wrote it.
	Usage(ctx context.Context) (Usage, error)

	// WithContext is the same files for one request: what takes no context of its
	// own, and the files that are opened, end with ctx where they wait for a
	// server. They are closed with those they were made of.
	WithContext(ctx context.Context) Files
	// Close lets go of what was needed for looking. Files that were opened stay
	// open.
	Close() error
}

// File is open for reading. Its Read, Seek and ReadAt are those of an
// [*os.File], so that [net/http.ServeContent] serves ranges of it.
type File interface {
	fs.File
	io.Seeker
	io.ReaderAt
}

// Files is [Storage.For] as a Backend has it.
func (s *Storage) Files(ctx context.Context, t Tenant) (Files, error) {
	v, err := s.For(ctx, t)
	if err != nil {
		return nil, err // and no Files that hold a nil
	}
	return v, nil
}

// OpenRead is [View.OpenFile] for reading.
func (v *View) OpenRead(name string) (File, error) {
	f, err := v.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// WithContext returns the view itself: a disk is not waited for.
func (v *View) WithContext(context.Context) Files { return v }

var (
	_ Backend = (*Storage)(nil)
	_ Files   = (*View)(nil)
)
