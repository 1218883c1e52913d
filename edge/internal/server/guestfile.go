package server

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/tenantdb/file"
)

// guestFile is the file that the guest comes from. A change of it swaps the
// guest; what is wrong with it leaves the guest that runs.
type guestFile struct {
	path string
	swap func(context.Context, []byte) (edge.Report, error)

	// reading is held from reading the file until the guest is swapped in: of
	// two who read it, the one who did first must not swap last.
	reading sync.Mutex

	mu   sync.Mutex
	seen fs.FileInfo // of the file when it was read last
}

// settleGuest is how long the file must be left alone: a guest has megabytes,
// which a linker or a copy writes in many steps.
const settleGuest = 200 * time.Millisecond

// stale tells whether the file is another one than was read.
func (g *guestFile) stale() bool {
	info, err := os.Stat(g.path)
	g.mu.Lock()
	defer g.mu.Unlock()
	return err != nil || g.seen == nil || !os.SameFile(info, g.seen) || !info.ModTime().Equal(g.seen.ModTime()) || info.Size() != g.seen.Size()
}

// read swaps in what the file holds.
func (g *guestFile) read(ctx context.Context) (edge.Report, error) {
	g.reading.Lock()
	defer g.reading.Unlock()
	wasm, err := g.content()
	if err != nil {
		return edge.Report{}, fmt.Errorf("guest.path: %w", err)
	}
	return g.swap(ctx, wasm)
}

func (g *guestFile) content() ([]byte, error) {
	f, err := os.Open(g.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// One byte more than a guest may have: Swap says that it is too large.
	wasm, err := io.ReadAll(io.LimitReader(f, mostGuest+1))
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = info
	return wasm, nil
}

// followGuest swaps the guest whenever its file changes, until ctx ends.
func (s *Server) followGuest(ctx context.Context) {
	g := s.guestFile
	told := ""
	_ = file.Watch(ctx, file.Options{Path: g.path, Settle: settleGuest, Logger: s.log}, func() {
		if !g.stale() {
			return
		}
		r, err := g.read(ctx)
		switch {
		case ctx.Err() != nil: // the edge ends
		case err != nil:
			if err.Error() != told { // a file that is away is looked at again and again
				s.log.Error("the guest's file is not right; the guest that runs stays", "file", g.path, "error", err)
			}
			told = err.Error()
			return
		case !r.Unchanged:
			s.logReport("the guest's file has changed; its guest runs now", r)
		}
		told = ""
	}) // the error is that of ctx
}

// ReloadGuest reads the guest's file again and swaps in what it holds, whether
// it has changed or not, and writes to the log what came of it. A guest that
// was put in place of the file's, by PUT /guest say, is replaced.
func (s *Server) ReloadGuest(ctx context.Context) {
	if s.guestFile == nil {
		s.log.Warn("asked to read the guest's file again, but there is none: the configuration has no guest.path; nothing changes")
		return
	}
	r, err := s.guestFile.read(ctx)
	switch {
	case ctx.Err() != nil: // the edge ends
	case err != nil:
		s.log.Error("the guest's file was read again and is not right; the guest that runs stays", "file", s.guestFile.path, "error", err)
	case r.Unchanged:
		s.log.Info("the guest's file was read again; its guest runs already", "file", s.guestFile.path, "digest", r.Guest.Digest)
	default:
		s.logReport("the guest's file was read again; its guest runs now", r)
	}
}

// logReport tells which guest runs, and how.
func (s *Server) logReport(message string, r edge.Report) {
	e := r.Engine
	s.log.Info(message,
		"guest", r.Guest.Name, "version", r.Guest.Version, "digest", r.Guest.Digest, "previous", r.Previous.Digest, "missing", r.Missing,
		"instances", e.Instances, "image_bytes", e.ImageBytes, "compile_cache", e.CompileCache,
		"reset", e.Reset, "fault_gate", e.FaultGate, "reset_refused", e.ResetRefused, "fuel_version", e.FuelVersion)
}
