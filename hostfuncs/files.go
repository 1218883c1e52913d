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

// Files are those of one tenant, as a guest gets at them. Names have passed
// [fs.ValidPath], and are the method's to keep. Errors are an abi.Errno or of
// package io/fs; any other is reported to the guest as abi.Internal.
type Files interface {
	// Open opens a file, and no folder, for reading, which ends with ctx.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Save makes a new file, of that name or of one that is free, which it
	// returns. The file is there when it is whole.
	Save(ctx context.Context, name string, content io.Reader) (saved string, err error)
	Stat(ctx context.Context, name string) (abi.FileStat, error)
	// List gives the names in a folder, both in order, of most names in all;
	// abi.Limit if there are more.
	List(ctx context.Context, name string, most int) (folders, files []string, err error)
	Delete(ctx context.Context, name string) error
	URL(ctx context.Context, name string) (string, error)
	Close() error
}

// FileLimits hold what one call does with files.
type FileLimits struct {
	Bytes int64 // read, written and listed
	Open  int   // files at once
}

const (
	mostListed = 1000     // names of one folder
	readAtOnce = 64 << 10 // bytes

	// undoing is how long files that a failed call has saved are taken back for,
	// all together: their server may not answer, and the instance is held.
	undoing = 5 * time.Second
)

// openFiles is what a call has open. All of it ends with the call.
type openFiles struct {
	limits  FileLimits
	views   []Files // the last is that of the current tenant
	handles []*handle
	saved   []savedFile
	buffer  []byte
}

// handle is an open file: content to read, or a file that is to be.
type handle struct {
	content io.ReadCloser // nil: for writing
	into    Files
	name    string
	written bytes.Buffer
	saved   string // the file is there: what is left is to tell its name
}

// reading is a file that is read, and ends what it waits for when it is closed.
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

// view is the files of the tenant that the call is for now.
func (c *Call) view(ctx context.Context) (Files, error) {
	if c.Frozen {
		return nil, abi.Denied // the image must not depend on anybody's files
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
	if len(o.views) >= max(1, o.limits.Open) { // a guest that looks one tenant up after the other
		return nil, errors.Join(abi.Limit, v.Close())
	}
	o.views = append(o.views, v)
	return v, nil
}

// endFiles closes what the guest left open. A call that failed leaves no file
// behind.
func (c *Call) endFiles(failed bool) {
	o := c.files
	ctx := context.WithoutCancel(c.Context())
	if failed && len(o.saved) > 0 {
		c.takeBack(ctx, o.saved)
	}
	for _, h := range o.handles {
		if h != nil && h.content != nil {
			_ = h.content.Close() // it was only read
		}
	}
	for _, v := range o.views {
		if err := v.Close(); err != nil {
			c.Services.Log(ctx, slog.LevelError, fmt.Sprintf("files of a tenant could not be closed: %v", err))
		}
	}
	clear(o.handles)
	clear(o.views)
	clear(o.saved)
	o.handles, o.views, o.saved = o.handles[:0], o.views[:0], o.saved[:0]
}

// takeBack removes files, the last first.
func (c *Call) takeBack(ctx context.Context, saved []savedFile) {
	ctx, cancel := context.WithTimeout(ctx, undoing)
	defer cancel()
	for _, s := range slices.Backward(saved) {
		if err := s.in.Delete(ctx, s.name); err != nil {
			c.Services.Log(ctx, slog.LevelError, fmt.Sprintf("a file that a failed call had saved is still there: %q: %v", s.name, err))
		}
	}
}

// add gives a file the lowest free handle.
func (o *openFiles) add(h *handle) (number uint64) {
	for i, taken := range o.handles {
		if taken == nil {
			o.handles[i] = h
			return uint64(i + 1)
		}
	}
	o.handles = append(o.handles, h)
	return uint64(len(o.handles))
}

// full reports whether there is no handle left.
func (o *openFiles) full() bool {
	open := 0
	for _, h := range o.handles {
		if h != nil {
			open++
		}
	}
	return open >= o.limits.Open
}

// handle finds an open file.
func (c *Call) handle(number uint32) (*handle, bool) {
	if c.files == nil || number == 0 || uint64(number) > uint64(len(c.files.handles)) {
		return nil, false
	}
	h := c.files.handles[number-1]
	return h, h != nil
}

// drop ends a handle.
func (c *Call) drop(number uint32) { c.files.handles[number-1] = nil }
