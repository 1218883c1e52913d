package uploads

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tus/tusd/v2/pkg/handler"
)

// lockTimeout is how long a request waits for another one to let go of its
// upload.
const lockTimeout = 5 * time.Second

// mostMetadata is how long an Upload-Metadata may be, in bytes.
const mostMetadata = 8 << 10

// store is one request's way to one partial file: what package handler asks of
// a store, of a lock and of an upload.
type store struct {
	handler *Handler
	action  *Action
	out     *answer
	content *body
	sum     *checked // nil: none was sent
	partial *storage.Partial
	held    *holder
}

// NewUpload implements handler.DataStore.
func (s *store) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	size := 0
	for key, value := range info.MetaData {
		size += len(key) + len(value)
	}
	if size > mostMetadata {
		return nil, problem(http.StatusRequestHeaderFieldsTooLarge)
	}
	p, err := s.action.parts.NewPartial(ctx, storage.Record{
		Name: s.action.Name, Free: s.action.free, Size: info.Size,
		Expires: s.handler.clock.Latest().Add(s.handler.options.Expiry), Meta: info.MetaData,
	})
	if err != nil {
		return nil, s.failed(err)
	}
	s.handler.counts.begun.Add(1)
	s.take(p)
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

// take keeps a partial file until the request ends.
func (s *store) take(p *storage.Partial) {
	s.partial = p
	s.describe()
}

// describe tells the client until when the upload can go on, and where the file
// is once it is whole.
func (s *store) describe() {
	header := s.out.Header()
	if s.partial.Saved != "" {
		header.Del("Upload-Expires")
		header.Set("Content-Location", s.action.url(s.partial.Saved))
		return
	}
	header.Set("Upload-Expires", s.partial.Expires.UTC().Format(http.TimeFormat))
}

// WriteChunk implements handler.Upload.
func (s *store) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	var whole func() error
	if s.sum != nil {
		s.sum.from = src
		whole = s.sum.sum
		src = unended{s.sum}
	}
	n, err := s.partial.Append(ctx, offset, src, whole)
	s.handler.counts.received(n)
	if s.partial.Saved != "" {
		s.handler.counts.finished.Add(1)
	}
	s.describe()
	return n, s.failed(err)
}

// unended reads content that is checked when it has ended, and not before.
type unended struct{ *checked }

func (u unended) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	_, _ = u.hash.Write(p[:n]) // never fails
	return n, err
}

// GetInfo implements handler.Upload.
func (s *store) GetInfo(context.Context) (handler.FileInfo, error) {
	p := s.partial
	return handler.FileInfo{ID: p.ID(), Size: p.Size, Offset: p.Offset(), MetaData: p.Meta}, nil
}

// GetReader implements handler.Upload. What is not whole is not to be had.
func (s *store) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, handler.ErrNotImplemented
}

// FinishUpload implements handler.Upload: the last part has saved the file.
func (s *store) FinishUpload(context.Context) error { return nil }

// AsTerminatableUpload implements handler.TerminaterDataStore.
func (s *store) AsTerminatableUpload(handler.Upload) handler.TerminatableUpload { return s }

// Terminate implements handler.TerminatableUpload.
func (s *store) Terminate(context.Context) error { return s.failed(s.partial.Remove()) }

// NewLock implements handler.Locker.
func (s *store) NewLock(string) (handler.Lock, error) { return s, nil }

// Lock opens the partial file. If another request of this process has it, that
// one is asked to stop: its client is gone as a rule, or this one would not
// have come. It is stopped by its content, and not by the function that package
// handler has for that: its own reader of the content comes to be without a
// lock, at a time when it may be asked already.
func (s *store) Lock(ctx context.Context, _ func()) error {
	key := s.action.files.Identifier() + "/" + s.action.id
	if s.partial != nil {
		key = s.action.files.Identifier() + "/" + s.partial.ID()
	}
	for s.partial == nil {
		p, err := s.action.parts.Partial(s.action.id)
		if err == nil {
			s.take(p)
			break
		}
		if !errors.Is(err, storage.ErrPartialBusy) {
			return s.failed(err)
		}
		other := s.handler.busy.interrupt(key)
		if other == nil {
			return handler.ErrFileLocked // another process's, or one that is about to end
		}
		select {
		case <-other:
		case <-ctx.Done():
			return handler.ErrFileLocked
		}
	}
	s.held = s.handler.busy.hold(key, s.content)
	return nil
}

// Unlock implements handler.Lock.
func (s *store) Unlock() error {
	s.close()
	return nil
}

// close lets go of the partial file.
func (s *store) close() {
	if s.partial != nil {
		if err := s.partial.Close(); err != nil {
			s.handler.options.Logger.Error("a partial file could not be closed", "error", err)
		}
	}
	s.content.End()
	if s.held != nil {
		s.handler.busy.release(s.held)
		s.held = nil
	}
}

// failed is err as package handler sends it: a status, and nothing about the
// server.
func (s *store) failed(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errDigest) {
		return problem(statusChecksumMismatch)
	}
	status := statusOf(err)
	if status == http.StatusInternalServerError {
		s.handler.options.Logger.Error("a resumable upload failed", "name", s.action.Name, "error", err)
	}
	return problem(status)
}

// statusChecksumMismatch is that of the tus protocol.
const statusChecksumMismatch = 460

func problem(status int) error {
	text := http.StatusText(status)
	if status == statusChecksumMismatch {
		text = "Checksum Mismatch"
	}
	return handler.NewError("ERR_UPLOAD", text, status)
}

// busy knows which requests of this process have which uploads.
type busy struct {
	mu      sync.Mutex
	holders map[string]*holder
}

type holder struct {
	key     string
	content *body
	done    chan struct{}
}

func (b *busy) hold(key string, content *body) *holder {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := &holder{key, content, make(chan struct{})}
	b.holders[key] = h
	return h
}

// interrupt asks the holder to stop, and returns what is closed when it has;
// nil if nobody holds the upload.
func (b *busy) interrupt(key string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.holders[key]
	if h == nil {
		return nil
	}
	h.content.Stop(handler.ErrUploadInterrupted)
	return h.done
}

func (b *busy) release(h *holder) {
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
