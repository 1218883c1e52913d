package serve

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/tenantdb/file"
)

// guestFile is the file of guest.path. The guest is swapped when the file changes.
// If the new one is missing or refused, the current guest keeps running.
type guestFile struct {
	path       string
	signature  string         // the file of its signature
	registry   *guestRegistry // nil: path is not a reference
	signatures *signatures
	swap       func(context.Context, signedGuest) (edge.Report, error)

	// reading is held from reading the file until its guest is swapped in, so that
	// an older version of the file never replaces a newer one.
	reading  sync.Mutex
	lastGood lastGoodGuest
	log      *slog.Logger

	mu            sync.Mutex
	seen          fs.FileInfo // of the file when it was last read
	seenSignature fs.FileInfo // of the signature's file at that time; nil: it was missing
	unverified    bool        // the guest was refused for its signature
	refused       string      // why the file's guest does not run; empty: it does
}

// newHost makes the Host of a generation that replaces none, with the file's guest or,
// if that is missing or refused, with the last good one. The file is followed in both
// cases.
func (s *generation) newHost(ctx context.Context, c edge.Config) (*edge.Host, error) {
	if host := s.fleet.newHost(ctx, s, c); host != nil {
		return host, nil
	}
	if s.options.GuestFile == "" {
		s.kept.current = signedGuest{own: true, wasm: c.Guest}
		return edge.New(ctx, c)
	}
	g := s.newGuestFile()
	if err := g.lastGood.removeUnfinished(); err != nil {
		s.log.Warn("cannot remove temporary files of the last good guest that earlier processes left", "file", g.lastGood.path, "error", err)
	}
	var host *edge.Host
	var err error
	guest := signedGuest{wasm: c.Guest}
	if c.Guest == nil {
		if guest, err = g.content(ctx); err == nil {
			c.Guest = guest.wasm
		} else {
			err = &guestFileError{err}
		}
	}
	if err == nil {
		host, err = edge.New(ctx, c)
	}
	var unread *guestFileError
	switch {
	case err == nil:
		g.accept(guest)
	case errors.As(err, &unread) || errors.Is(err, edge.ErrGuestRefused):
		if host, guest, err = g.fallBack(ctx, c, err); err != nil {
			return nil, err
		}
	default: // another guest would fail too
		return nil, err
	}
	s.guestFile, s.kept.current = g, guest
	s.audit.record(auditRecord{Action: auditFile, Who: "start", Outcome: auditDone, After: host.GuestDigest(), SignedBy: guest.keyID, Error: g.degraded()})
	return host, nil
}

func (s *generation) newGuestFile() *guestFile {
	return &guestFile{
		path: s.options.GuestFile, signature: s.options.Signature, signatures: s.signatures,
		registry: s.options.Registry, lastGood: lastGoodGuest{path: s.options.LastGood}, log: s.log,
		swap: s.swapIn,
	}
}

// fallBack makes the Host with the last good guest. refused is why the file's
// guest does not run.
func (g *guestFile) fallBack(ctx context.Context, c edge.Config, refused error) (*edge.Host, signedGuest, error) {
	guest, err := g.lastGood.load()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, guest, refused // no guest was saved yet
	}
	if err == nil && bytes.Equal(guest.wasm, c.Guest) {
		return nil, guest, refused // it would be refused again
	}
	if err == nil { // keys may have been removed since it was saved
		guest, err = g.signatures.verify(guest.wasm, guest.signature)
	}
	var host *edge.Host
	if err == nil {
		c.Guest = guest.wasm
		host, err = edge.New(ctx, c)
	}
	if err != nil {
		return nil, guest, errors.Join(refused, &LastGoodError{err})
	}
	g.refuse(refused)
	g.log.Error(g.noun()+" is missing or refused; the last good guest is used", "file", g.path, "last_good", g.lastGood.path, "error", refused)
	return host, guest, nil
}

// guestFileError is the reason why the guest of guest.path cannot be read.
type guestFileError struct{ err error }

func (e *guestFileError) Error() string { return "guest.path: " + e.err.Error() }

func (e *guestFileError) Unwrap() error { return e.err }

// accept records that the file's guest runs, and keeps it for later starts.
func (g *guestFile) accept(guest signedGuest) {
	g.mu.Lock()
	g.refused = ""
	g.mu.Unlock()
	if err := g.lastGood.save(guest); err != nil {
		g.log.Warn("cannot save the guest as the last good guest", "file", g.lastGood.path, "error", err)
	}
}

func (g *guestFile) refuse(err error) {
	g.mu.Lock()
	g.refused = err.Error()
	g.mu.Unlock()
	if failure := (*artifact.Error)(nil); g.registry != nil && errors.As(err, &failure) {
		g.registry.again()
	}
}

// noun returns what the log calls it.
func (g *guestFile) noun() string {
	if g.registry != nil {
		return "the guest's artifact"
	}
	return "the guest file"
}

// degraded returns why the file's guest does not run; empty: it does.
func (g *guestFile) degraded() string {
	if g == nil {
		return ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refused
}

// settleGuest is how long the file must be unchanged before it is read: a guest
// has megabytes, which a linker or a copy writes in many steps.
const settleGuest = 200 * time.Millisecond

// stale reports whether the file has changed since it was last read, or is
// missing. A new signature matters only for a guest that was refused for the old
// one: it arrives before the guest that it belongs to. A reference always names the
// same guest.
func (g *guestFile) stale() bool {
	if g.registry != nil {
		return g.degraded() != ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return changed(g.path, g.seen) || g.unverified && changed(g.signature, g.seenSignature)
}

// changed reports whether a file is another one than seen, which is nil for a
// missing file.
func changed(path string, seen fs.FileInfo) bool {
	info, err := os.Stat(path)
	if err != nil || seen == nil {
		return err == nil || seen != nil
	}
	return !os.SameFile(info, seen) || !info.ModTime().Equal(seen.ModTime()) || info.Size() != seen.Size()
}

// read reads the file and swaps in its guest, which it returns even if it is
// refused.
func (g *guestFile) read(ctx context.Context) (edge.Report, signedGuest, error) {
	g.reading.Lock()
	defer g.reading.Unlock()
	guest, err := g.content(ctx)
	if err != nil {
		err = &guestFileError{err}
		if ctx.Err() == nil {
			g.refuse(err)
		}
		return edge.Report{}, guest, err
	}
	r, err := g.swap(ctx, guest)
	switch {
	case ctx.Err() != nil: // the edge is shutting down
	case err != nil:
		g.refuse(err)
	default:
		g.accept(guest)
	}
	return r, guest, err
}

// content reads the guest and verifies its signature. A guest that is refused for
// its signature is returned too, for the audit log.
func (g *guestFile) content(ctx context.Context) (signedGuest, error) {
	if g.registry != nil {
		return g.registry.content(ctx, g.signatures)
	}
	// One byte more than a guest may have shows that it is too large.
	wasm, info, err := file.ReadRegular(g.path, maxGuestBytes+1)
	if err != nil {
		return signedGuest{}, err
	}
	var guest signedGuest
	text, signatureInfo, err := g.signatures.readSignature(g.signature)
	if err == nil {
		guest, err = g.signatures.verify(wasm, text)
		if err != nil && !errors.Is(err, instance.ErrModuleSize) {
			err = &signatureError{g.signature, err}
		}
	}
	var unverified *signatureError
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen, g.seenSignature, g.unverified = info, signatureInfo, errors.As(err, &unverified)
	return guest, err
}

// fetch pulls the guest of a registry for the next read, which waits for nothing then.
func (g *guestFile) fetch(ctx context.Context) {
	if g != nil && g.registry != nil {
		g.registry.fetch(ctx, pullWait)
	}
}

// followGuest swaps the guest whenever its file changes, or once it could be pulled,
// until ctx ends.
func (s *Server) followGuest(ctx context.Context, of *generation) {
	f := of.guestFile
	logged := ""
	if f.registry != nil {
		logged = f.degraded() // the start has logged it
	}
	check := func(g *generation) {
		if g != of || s.fleet.overrides() || !f.stale() {
			return
		}
		r, guest, err := f.read(ctx)
		switch {
		case ctx.Err() != nil: // the edge is shutting down, or another generation is current
		case err != nil:
			if err.Error() != logged { // a missing file is read again and again
				s.log.Error(f.noun()+" is missing or refused; the current guest keeps running", "file", f.path, "error", err)
				g.auditSwap(auditRecord{Action: auditFile, Who: f.who()}, guest, r, err)
			}
			logged = err.Error()
			return
		default:
			g.fileChanged(r, guest)
		}
		logged = ""
	}
	if f.registry != nil {
		f.registry.follow(ctx, func() { s.changeGuest(check) })
		return
	}
	_ = file.Watch(ctx, file.Options{Path: f.path, Settle: settleGuest, Logger: s.log}, func() { s.changeGuest(check) }) // the error is ctx's
}

// fileChanged logs and records that the file's new guest was swapped in, if it was.
func (s *generation) fileChanged(r edge.Report, guest signedGuest) {
	f := s.guestFile
	switch {
	case r.Unchanged && f.registry != nil:
		s.log.Info(f.noun()+" was pulled; its guest was already running", "file", f.path, "digest", r.Guest.Digest)
		return
	case r.Unchanged:
		return
	case f.registry != nil:
		s.swappedIn(f.noun()+" was pulled; its guest is now running", r)
	default:
		s.swappedIn(f.noun()+" has changed; its guest is now running", r)
	}
	s.auditSwap(auditRecord{Action: auditFile, Who: f.who()}, guest, r, nil)
}

// who returns who changes the guest, for the audit log.
func (g *guestFile) who() string {
	if g.registry != nil {
		return "registry"
	}
	return "file"
}

// SyncGuest reads the guest's file at once if it has changed, as the background work
// of Start does a moment later, and swaps in its guest. The error is why the file's
// guest does not run.
func (s *Server) SyncGuest(ctx context.Context) (err error) {
	if f := s.now().guestFile; f != nil && f.stale() {
		f.fetch(ctx)
	}
	s.changeGuest(func(g *generation) { err = g.syncGuest(ctx) })
	return err
}

func (s *generation) syncGuest(ctx context.Context) error {
	if s.guestFile == nil || s.fleet.overrides() {
		return nil
	}
	if s.guestFile.stale() {
		r, guest, err := s.guestFile.read(ctx)
		if err != nil {
			return err
		}
		s.fileChanged(r, guest)
	}
	if reason := s.guestFile.degraded(); reason != "" {
		return errorf("the guest of guest.path does not run: %s", reason)
	}
	return nil
}

// ReloadGuest reads the guest's file again, even if it has not changed, swaps in
// its guest, and logs the result. A guest that was swapped in by other means, for
// example by PUT /guest, is replaced.
func (s *Server) ReloadGuest(ctx context.Context) {
	s.now().guestFile.fetch(ctx)
	s.changeGuest(func(g *generation) { g.reloadGuest(ctx) })
}

func (s *generation) reloadGuest(ctx context.Context) {
	if s.guestFile == nil {
		s.log.Warn("cannot reload the guest file: the configuration has no guest.path; nothing changes")
		return
	}
	if s.fleet.overrides() {
		s.log.Warn("the guest file is not read: the fleet decides which guest runs", "file", s.guestFile.path, "fleet", s.fleet.store.Fleet())
		return
	}
	r, guest, err := s.guestFile.read(ctx)
	if ctx.Err() != nil { // the edge is shutting down
		return
	}
	switch {
	case err != nil:
		s.log.Error("cannot reload "+s.guestFile.noun()+": it is missing or refused; the current guest keeps running", "file", s.guestFile.path, "error", err)
	case r.Unchanged:
		s.log.Info(s.guestFile.noun()+" was reloaded; its guest was already running", "file", s.guestFile.path, "digest", r.Guest.Digest)
	default:
		s.swappedIn(s.guestFile.noun()+" was reloaded; its guest is now running", r)
	}
	s.auditSwap(auditRecord{Action: auditFile, Who: "signal"}, guest, r, err)
}

// swappedIn logs the guest of r, as logReport does, lets it decide about requests
// that wait, and returns the memory that loading it took.
func (s *generation) swappedIn(message string, r edge.Report) {
	s.logReport(message, r)
	for _, room := range s.rooms {
		room.Reroute()
	}
	returnMemory()
}

// logReport logs the guest of r, which runs now, and its engine. It makes
// watchFiles check the tenants again.
func (s *generation) logReport(message string, r edge.Report) {
	select {
	case s.swapped <- struct{}{}:
	default: // a check is pending already
	}
	e := r.Engine
	s.log.Info(message,
		"guest", r.Guest.Name, "version", r.Guest.Version, "digest", r.Guest.Digest, "previous", r.Previous.Digest, "missing", r.Missing,
		"instances", e.Instances, "image_bytes", e.ImageBytes, "compile_cache", e.CompileCache,
		"fuel_version", e.FuelVersion)
}
