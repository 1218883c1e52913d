package uploads

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tus/tusd/v2/pkg/handler"
)

// lockTimeout is how long a request waits for another request to close its upload.
const lockTimeout = 5 * time.Second

// maxMetadata is the maximum size of Upload-Metadata, in bytes.
const maxMetadata = 8 << 10

// store connects one request to one partial file. It implements the store, the
// lock and the upload of package handler.
type store struct {
	handler *Handler
	action  *Action
	out     *answer
	content *body
	sum     *hashReader // nil: the client sent none
	partial backend.Partial
	held    *holder
}

// NewUpload implements handler.DataStore.
func (s *store) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	size := 0
	for key, value := range info.MetaData {
		size += len(key) + len(value)
	}
	if size > maxMetadata {
		return nil, statusError(http.StatusRequestHeaderFieldsTooLarge)
	}
	p, err := s.action.files.parts.NewPartial(ctx, backend.Record{
		Name: s.action.Name, Free: s.action.free, Size: info.Size,
		Expires: s.handler.clock.Latest().Add(s.handler.options.Expiry), Meta: info.MetaData,
	})
	if err != nil {
		return nil, s.tusError(err)
	}
	s.handler.counts.begun.Add(1)
	s.open(p)
	s.out.id = p.ID()
	return s, nil
}

// GetUpload implements handler.DataStore for the upload whose lock is held.
func (s *store) GetUpload(context.Context, string) (handler.Upload, error) {
	if s.partial == nil {
		return nil, handler.ErrNotFound
	}
	return s, nil
}

// open keeps a partial file until the request ends.
func (s *store) open(p backend.Partial) {
	s.partial = p
	s.describe()
}

// describe sets the headers with the expiry of the upload, or with the URL of the
// saved file.
func (s *store) describe() {
	header := s.out.Header()
	r := s.partial.Record()
	if r.Saved != "" {
		header.Del("Upload-Expires")
		header.Set("Content-Location", s.action.url(r.Saved))
		return
	}
	header.Set("Upload-Expires", r.Expires.UTC().Format(http.TimeFormat))
}

// WriteChunk implements handler.Upload.
func (s *store) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	var verify func() error
	if s.sum != nil {
		s.sum.from = src
		verify = s.sum.sum
		src = partReader{s.sum}
	}
	n, err := s.partial.Append(ctx, offset, src, verify)
	s.handler.counts.received(n)
	if s.partial.Record().Saved != "" {
		s.handler.counts.finished.Add(1)
	}
	s.describe()
	return n, s.tusError(err)
}

// partReader hashes content and leaves the comparison to verify: Append may stop
// reading before io.EOF.
type partReader struct{ *hashReader }

func (u partReader) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	_, _ = u.hash.Write(p[:n]) // never fails
	return n, err
}

// GetInfo implements handler.Upload.
func (s *store) GetInfo(context.Context) (handler.FileInfo, error) {
	r := s.partial.Record()
	return handler.FileInfo{ID: s.partial.ID(), Size: r.Size, Offset: s.partial.Offset(), MetaData: r.Meta}, nil
}

// GetReader implements handler.Upload. Incomplete files cannot be read.
func (s *store) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, handler.ErrNotImplemented
}

// FinishUpload implements handler.Upload: the last part has saved the file.
func (s *store) FinishUpload(context.Context) error { return nil }

// AsTerminatableUpload implements handler.TerminaterDataStore.
func (s *store) AsTerminatableUpload(handler.Upload) handler.TerminatableUpload { return s }

// Terminate implements handler.TerminatableUpload.
func (s *store) Terminate(context.Context) error { return s.tusError(s.partial.Remove()) }

// NewLock implements handler.Locker.
func (s *store) NewLock(string) (handler.Lock, error) { return s, nil }

// Lock opens the partial file. If another request of this process has it open,
// Lock interrupts that request, whose client has usually disconnected. It
// interrupts the body directly. The callback of package handler for this is not
// safe: it may be called while package handler still creates its reader of the
// body, without synchronization.
func (s *store) Lock(ctx context.Context, _ func()) error {
	key := s.action.files.Identifier() + "/" + s.action.id
	if s.partial != nil {
		key = s.action.files.Identifier() + "/" + s.partial.ID()
	}
	for s.partial == nil {
		p, err := s.action.files.parts.Partial(s.action.id)
		if err == nil {
			s.open(p)
			break
		}
		if !errors.Is(err, backend.ErrPartialBusy) {
			return s.tusError(err)
		}
		other := s.handler.options.Busy.interrupt(key)
		if other == nil {
			return handler.ErrFileLocked // another process has it open, or a request that is about to end
		}
		select {
		case <-other:
		case <-ctx.Done():
			return handler.ErrFileLocked
		}
	}
	s.held = s.handler.options.Busy.hold(key, s.content)
	return nil
}

// Unlock implements handler.Lock.
func (s *store) Unlock() error {
	s.close()
	return nil
}

// close closes the partial file and ends the body.
func (s *store) close() {
	if s.partial != nil {
		if err := s.partial.Close(); err != nil {
			s.handler.options.Logger.Error("cannot close a partial file", "error", err)
		}
	}
	s.content.End()
	if s.held != nil {
		s.handler.options.Busy.release(s.held)
		s.held = nil
	}
}

// tusError returns err for package handler, which sends its text: only a status,
// nothing about the server.
func (s *store) tusError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errDigest) {
		return statusError(statusChecksumMismatch)
	}
	status := statusOf(err)
	if status == http.StatusInternalServerError {
		s.handler.options.Logger.Error("a resumable upload failed", "name", s.action.Name, "error", err)
	}
	return statusError(status)
}

// statusChecksumMismatch is the status of the tus protocol for a wrong checksum.
const statusChecksumMismatch = 460

func statusError(status int) error {
	text := http.StatusText(status)
	if status == statusChecksumMismatch {
		text = "Checksum Mismatch"
	}
	return handler.NewError("ERR_UPLOAD", text, status)
}

// Busy maps uploads to the requests of this process that have them open. The zero value
// is empty.
type Busy struct {
	mu      sync.Mutex
	holders map[string]*holder
}

type holder struct {
	key     string
	content *body
	done    chan struct{}
}

func (b *Busy) hold(key string, content *body) *holder {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := &holder{key, content, make(chan struct{})}
	if b.holders == nil {
		b.holders = map[string]*holder{}
	}
	b.holders[key] = h
	return h
}

// interrupt interrupts the request that has an upload open. The returned channel
// is closed when that request has ended; it is nil if there is none.
func (b *Busy) interrupt(key string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.holders[key]
	if h == nil {
		return nil
	}
	h.content.Stop(handler.ErrUploadInterrupted)
	return h.done
}

func (b *Busy) release(h *holder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.holders[h.key] == h {
		delete(b.holders, h.key)
	}
	close(h.done)
}

var (
	_ handler.DataStore           = (*store)(nil)
	_ handler.TerminaterDataStore = (*store)(nil)
	_ handler.Locker              = (*store)(nil)
	_ handler.Lock                = (*store)(nil)
	_ handler.Upload              = (*store)(nil)
)
