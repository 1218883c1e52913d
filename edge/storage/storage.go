package storage

import (
	"context"
	"io"
	"io/fs"
)

// Storage keeps the files of all tenants. Package disk keeps them in a folder,
// package object in an S3 bucket. It is safe for concurrent use.
type Storage interface {
	// View opens the files of a tenant and creates nothing. ctx bounds the
	// question where they are. The caller closes the view.
	View(ctx context.Context, t Tenant) (View, error)
	// Identify returns the identifier that View would give the tenant's files.
	Identify(ctx context.Context, t Tenant) (string, error)
	// Close stops background work and waits for it. Open views stay usable.
	// Closing twice is no error.
	Close() error
}

// View is the files of one tenant. It is safe for concurrent use.
//
// Open, Stat and ReadDir take names by the rules of [io/fs]. Resolve, Save and
// Delete take names as Django does: "a//b", "./a/b" and "/srv/media/acme/a/b"
// are one file, and a name that leaves the tenant's files is ErrSuspicious.
// [Django] adds the other operations of Django's storages.
//
// All implementations return the same errors: those of [io/fs] and those of
// this package. What only some of them can do is in package backend.
type View interface {
	fs.StatFS    // Open returns a File for a file only, an fs.ReadDirFile for a folder
	fs.ReadDirFS // sorted by name

	// Resolve returns the io/fs name of the file that Django calls name; that of
	// "" is ".".
	Resolve(name string) (string, error)
	// Save writes content to a new file and returns its name: name, or a free
	// alternative of at most maxLength characters (0: no limit). The file appears
	// when it is complete, and Save never overwrites one.
	Save(ctx context.Context, name string, content io.Reader, maxLength int) (saved string, err error)
	// Delete removes a file or an empty folder. A missing one is no error.
	Delete(name string) error
	// Identifier returns the name of the tenant's folder, which is also part of
	// its URLs.
	Identifier() string
	// BaseURL returns the URL that the tenant's files are below; "" if they have
	// none.
	BaseURL() string
	// Close releases the view. Open files stay open.
	Close() error
}

// File is open for reading. [net/http.ServeContent] can serve ranges of it.
type File interface {
	fs.File
	io.Seeker
	io.ReaderAt
}

// Quota bounds what one tenant may keep. 0: no limit. On a disk, folders and
// the records of partial files count as files too: each takes an inode.
type Quota struct {
	Bytes int64
	Files int64
}

// Usage is what a tenant keeps.
type Usage struct{ Bytes, Files int64 }
