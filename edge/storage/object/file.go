package object

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/minio/minio-go/v7"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// Open opens a file or folder for reading, by the rules of package io/fs. A file
// is a [storage.File]. Its content is fetched when it is read. After the file is
// replaced, reads fail: no reader gets parts of two files.
func (v *View) Open(name string) (fs.File, error) {
	key, err := v.plainKey("open", name)
	if err != nil {
		return nil, err
	}
	i, err := v.stat(v.ctx, "open", key)
	if err != nil {
		return nil, err
	}
	if i.IsDir() {
		return &listing{view: v, key: key}, nil
	}
	return &file{view: v, key: key, info: i}, nil
}

// file is an open object. Sequential reads share one answer of the server.
type file struct {
	view *View
	key  string
	info *info

	mu     sync.Mutex
	offset int64
	body   io.ReadCloser // from offset on; nil: not requested
	closed bool
}

// errReplaced means that the key has another object now.
var errReplaced = errors.New("the file was replaced while it was read")

// fetch requests the bytes from one offset to another, inclusive.
func (f *file) fetch(from, to int64) (io.ReadCloser, error) {
	var o minio.GetObjectOptions
	err := o.SetMatchETag(f.info.etag)
	if err == nil && (from > 0 || to < f.info.size-1) {
		err = o.SetRange(from, to)
	}
	if err != nil {
		return nil, err
	}
	s := f.view.storage
	body, object, _, err := s.server.GetObject(f.view.ctx, s.config.Bucket, f.key, o)
	if err != nil {
		if taken(err) { // 412, here for If-Match
			err = errReplaced
		}
		return nil, err
	}
	if want := to - from + 1; object.Size != want {
		return nil, errors.Join(fmt.Errorf("expected %d bytes from the server, found %d", want, object.Size), body.Close())
	}
	return body, nil
}

func (f *file) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return 0, f.failed("read", fs.ErrClosed)
	case f.offset >= f.info.size:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	if f.body == nil {
		body, err := f.fetch(f.offset, f.info.size-1)
		if err != nil {
			return 0, f.failed("read", err)
		}
		f.body = body
	}
	n, err := f.body.Read(p)
	f.offset += int64(n)
	if err == nil {
		return n, nil
	}
	end := f.drop()
	switch {
	case err == io.EOF && f.offset == f.info.size:
		return n, end // the next Read returns io.EOF
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, f.failed("read", err)
}

// ReadAt makes one request.
func (f *file) ReadAt(p []byte, from int64) (int, error) {
	f.mu.Lock()
	closed := f.closed
	f.mu.Unlock()
	switch {
	case closed:
		return 0, f.failed("read", fs.ErrClosed)
	case from < 0:
		return 0, f.failed("read", fs.ErrInvalid)
	case len(p) == 0:
		return 0, nil
	case from >= f.info.size:
		return 0, io.EOF
	}
	to := min(from+int64(len(p)), f.info.size) - 1
	body, err := f.fetch(from, to)
	if err != nil {
		return 0, f.failed("read", err)
	}
	n, err := io.ReadFull(body, p[:to-from+1])
	if err = errors.Join(err, body.Close()); err != nil {
		return n, f.failed("read", err)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		offset += f.info.size
	default:
		return 0, f.failed("seek", fs.ErrInvalid)
	}
	switch {
	case f.closed:
		return 0, f.failed("seek", fs.ErrClosed)
	case offset < 0:
		return 0, f.failed("seek", fs.ErrInvalid)
	case offset != f.offset:
		f.offset = offset
		return offset, f.drop()
	}
	return offset, nil
}

func (f *file) Stat() (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, f.failed("stat", fs.ErrClosed)
	}
	return f.info, nil
}

func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return f.failed("close", fs.ErrClosed)
	}
	f.closed = true
	return f.drop()
}

// drop closes the answer that was read from.
func (f *file) drop() error {
	if f.body == nil {
		return nil
	}
	body := f.body
	f.body = nil
	return body.Close()
}

func (f *file) failed(op string, err error) error { return pathError(op, f.view.rel(f.key), err) }

var _ storage.File = (*file)(nil)
