package hostfuncs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Files are the files of one tenant. Names are valid by [fs.ValidPath], and a
// method may keep them. The guest gets an abi.Errno in an error's chain, else the
// one for an error of package io/fs or syscall, else abi.Timeout for an error of a
// context, else abi.Internal.
type Files interface {
	// Open opens a file, not a folder, for reading until ctx is done.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Save creates a file atomically and returns its name. If a file with that name
	// exists, it chooses another.
	Save(ctx context.Context, name string, content io.Reader) (saved string, err error)
	// Stat returns the size and the time of change of a file or a folder.
	Stat(ctx context.Context, name string) (abi.FileStat, error)
	// List returns the sorted names of the folders and of the files in a folder,
	// or abi.Limit if there are more than most in total.
	List(ctx context.Context, name string, most int) (folders, files []string, err error)
	// Delete deletes a file or an empty folder.
	Delete(ctx context.Context, name string) error
	// URL returns the URL of a file.
	URL(ctx context.Context, name string) (string, error)
	Close() error
}

// FileLimits limits the use of files in one call.
type FileLimits struct {
	Bytes int64 // bytes read, written and listed, in total
	Open  int   // files open at a time, and tenants whose files are used (at least 1)
}

const (
	maxListed = 1000     // names in a folder
	maxRead   = 64 << 10 // bytes per read

	// undoTimeout limits the deletion of all files that a failed call saved: the
	// instance is held meanwhile.
	undoTimeout = 5 * time.Second
)

// openFiles holds the files that a call uses, until it ends.
type openFiles struct {
	limits  FileLimits
	views   []Files // by tenant; the last is the current one's
	handles []*handle
	saved   []savedFile
	buffer  []byte
}

// handle is a file open for reading, or one to be saved when it is closed.
type handle struct {
	content io.ReadCloser // nil: for writing
	into    Files
	name    string
	written bytes.Buffer
	saved   string // the name of the saved file, until the guest has received it
}

// reading is a file open for reading. Close cancels its context.
type reading struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (r *reading) Close() error {
	defer r.cancel()
	return r.ReadCloser.Close()
}

type savedFile struct {
	in   Files
	name string
}

// view returns the files of the call's current tenant.
func (c *Call) view(ctx context.Context) (Files, error) {
	if c.Frozen {
		return nil, abi.Denied // the image must not depend on a tenant's files
	}
	var last Files
	o := c.files
	if o != nil && len(o.views) > 0 {
		last = o.views[len(o.views)-1]
	}
	v, err := c.Services.Files(ctx, last)
	if err != nil || v == last {
		return v, err
	}
	if o == nil {
		o = &openFiles{}
		c.files = o
	}
	if len(o.views) == 0 {
		o.limits = c.Services.FileLimits()
	}
	if len(o.views) >= max(1, o.limits.Open) { // bounds guests that switch between tenants
		return nil, errors.Join(abi.Limit, v.Close())
	}
	o.views = append(o.views, v)
	return v, nil
}

// endFiles closes the files that the call used, and deletes the files that a
// failed call saved.
func (c *Call) endFiles(failed bool) {
	o := c.files
	ctx := context.WithoutCancel(c.Context())
	if failed && len(o.saved) > 0 {
		c.deleteSaved(ctx, o.saved)
	}
	for _, h := range o.handles {
		if h != nil && h.content != nil {
			_ = h.content.Close() // it was only read
		}
	}
	for _, v := range o.views {
		if err := v.Close(); err != nil {
			c.Services.Log(ctx, slog.LevelError, fmt.Sprintf("closing the files of a tenant: %v", err))
		}
	}
	clear(o.handles)
	clear(o.views)
	clear(o.saved)
	o.handles, o.views, o.saved = o.handles[:0], o.views[:0], o.saved[:0]
}

// deleteSaved deletes files, the last one first.
func (c *Call) deleteSaved(ctx context.Context, saved []savedFile) {
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	for _, s := range slices.Backward(saved) {
		if err := s.in.Delete(ctx, s.name); err != nil {
			c.Services.Log(ctx, slog.LevelError, fmt.Sprintf("deleting file %q, which a failed call saved: %v", s.name, err))
		}
	}
}

// add gives h the lowest free number.
func (o *openFiles) add(h *handle) (number uint64) {
	for i, used := range o.handles {
		if used == nil {
			o.handles[i] = h
			return uint64(i + 1)
		}
	}
	o.handles = append(o.handles, h)
	return uint64(len(o.handles))
}

// full reports whether as many files are open as the limits allow.
func (o *openFiles) full() bool {
	open := 0
	for _, h := range o.handles {
		if h != nil {
			open++
		}
	}
	return open >= o.limits.Open
}

// handle returns the open file of a number.
func (c *Call) handle(number uint32) (*handle, bool) {
	if c.files == nil || number == 0 || uint64(number) > uint64(len(c.files.handles)) {
		return nil, false
	}
	h := c.files.handles[number-1]
	return h, h != nil
}

// release frees the number of a handle.
func (c *Call) release(number uint32) { c.files.handles[number-1] = nil }
