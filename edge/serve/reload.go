package serve

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
)

// ErrNotServing is the error of Reload before a Server has started and after its
// shutdown has begun.
var ErrNotServing = errors.New("serve: expected a Server that serves, found one that has not started or that shuts down")

const (
	// reloadTimeout bounds a reload, for example if the database of the new configuration
	// does not answer.
	reloadTimeout = time.Minute
	// maxReplaced is how many replaced configurations may still have websockets or
	// requests. The websockets of older ones are closed.
	maxReplaced = 8
)

// Reload replaces the configuration. The new one is checked and made completely before
// it gets the first request: guest, directory, files, certificates and listeners. After
// an error, which is located in the file as far as possible, the old one goes on, and
// nothing has changed.
//
// Requests in progress are finished as the old configuration says, which also serves
// websockets until they end. Connections stay open, and listeners whose address is in
// both configurations never close. Services with the same settings in both, such as
// the database, are shared. REFERENCE.md of package config says what happens to each
// section.
//
// Reload may be called while requests are served, and more than once at a time: calls
// wait for each other. Configurations with equal content are not loaded again, unless a
// certificate or a secret has changed.
func (s *Server) Reload(ctx context.Context, file *config.File) error {
	return s.reload(ctx, "program", func() (*config.File, error) { return file, nil })
}

// reload reloads what load returns. who is for the audit log.
func (s *Server) reload(ctx context.Context, who string, load func() (*config.File, error)) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	defer context.AfterFunc(s.reloads.ending, cancel)()
	if err := s.reloads.begin(ctx); err != nil {
		if s.reloads.ending.Err() != nil {
			return ErrNotServing
		}
		return err
	}
	defer s.reloads.done()
	if s.started == nil || s.reloads.ending.Err() != nil {
		return ErrNotServing
	}
	began := time.Now()
	file, err := load()
	outcome := auditDone
	if err == nil {
		if s.isCurrent(file) {
			outcome = auditUnchanged
		} else {
			err = s.replace(ctx, file)
		}
	}
	if s.reloads.ending.Err() != nil && err != nil {
		return ErrNotServing
	}
	s.reported(who, outcome, time.Since(began), err)
	return err
}

// isCurrent reports whether file says what the current configuration does, with the
// same certificates and secrets.
func (s *Server) isCurrent(file *config.File) bool {
	g := s.now()
	return reflect.DeepEqual(file, g.parts.file) && digestOf(file) == g.references
}

// reported logs and records the end of a reload.
func (s *Server) reported(who, outcome string, took time.Duration, err error) {
	record := auditRecord{Action: auditReload, Who: who, Outcome: outcome}
	switch {
	case err != nil:
		record.Outcome, record.Error = auditRefused, err.Error()
		s.log.Error("the configuration is refused; the previous one keeps serving", "error", err)
	case outcome == auditUnchanged && who == "file": // the first look at it
		return
	case outcome == auditUnchanged:
		s.log.Info("the configuration was read again; it has not changed")
	default:
		s.log.Info("the configuration was reloaded", "took", took.Round(time.Millisecond).String(), "listeners", s.describe(), "guest", s.now().host.Stats().Guest.Name)
		s.warnOfRestart()
	}
	s.audit.record(record)
	s.reloads.ended(record.Outcome, took, err)
}

// replace makes a generation of file and makes it the current one.
func (s *Server) replace(ctx context.Context, file *config.File) error {
	if err := check(file, s.with); err != nil {
		return err
	}
	references := digestOf(file) // before they are read: a later change is noticed
	before := s.now()
	parts, err := s.open(file, before.parts)
	if err != nil {
		return locate(file, err)
	}
	if err := loadRows(ctx, parts, before.parts); err != nil {
		return errors.Join(located(file, err, "directory"), parts.Close())
	}
	if err := parts.openRegistry(ctx, s.with, before); err != nil {
		return errors.Join(locate(file, err), parts.Close())
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	g, err := s.configure(ctx, parts, before)
	if err != nil {
		return errors.Join(locate(file, err), parts.Close())
	}
	g.references = references
	ready, err := s.preparePorts(ctx, g)
	if err != nil {
		return errors.Join(locate(file, err), g.close())
	}
	if err := ctx.Err(); err != nil {
		return errors.Join(fmt.Errorf("serve: the reload took longer than %v: %w", reloadTimeout, err), ready.cancel(), g.close())
	}
	if !s.reloads.exchange(func() { s.exchange(before, g, ready) }) {
		return errors.Join(ErrNotServing, ready.cancel(), g.close())
	}
	return nil
}

// loadRows loads the directory, unless it is that of before. A saved state, which may be
// that of another database, is refused: the directory of before is more recent.
func loadRows(ctx context.Context, p, before *Parts) error {
	if p.rows == before.rows {
		return nil
	}
	err := p.rows.value.load(ctx, false)
	if err == nil && p.Source != nil {
		if reason := p.Config.Directory.Stats().Degraded; reason != "" {
			err = fmt.Errorf("expected the database to answer, found it down: %s; reload again when it answers", reason)
		}
	}
	return err
}

// located returns err as an error at a key of file, unless it is located already.
func located(file *config.File, err error, key string) error {
	if _, ok := errors.AsType[*config.Error](err); ok {
		return err
	}
	return file.At(err, key)
}

// preparePorts checks the files of a generation and opens its ports.
func (s *Server) preparePorts(ctx context.Context, g *generation) (*change, error) {
	if err := g.checkFiles(ctx); err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	kinds := s.ports.kinds()
	if len(kinds) == 0 {
		return &change{ports: &s.ports}, nil // the Server is used as a handler
	}
	wishes, err := s.wishes(g)
	if err != nil {
		return nil, err
	}
	admin, err := s.adminWishes(g)
	if err != nil {
		return nil, err
	}
	return s.ports.prepare(g.options, append(wishes, admin...), forClients, forDeciders, forAdmin)
}

// exchange makes g the current generation instead of before.
func (s *Server) exchange(before, g *generation, ready *change) {
	after := g.host.GuestDigest()
	if before.kept.trial != nil && g.triesGuest() && !before.triesGuest() { // it has just ended by itself
		_ = g.host.AbortCandidate(before.host.Stats().Candidate.Ended)
	}
	before.superseded.Store(true)
	s.install(g)
	if before.stopGuest != nil {
		before.stopGuest()
	}
	s.watch(s.started, g)
	if old := before.parts.rows; old != g.parts.rows && old.value.db != nil {
		old.value.db.Source.LeaveState() // before the new source writes it
	}
	g.warnAndFollow()
	ready.apply(s.base)
	if was := before.host.GuestDigest(); was != after {
		s.audit.record(auditRecord{Action: auditFile, Who: "reload", Outcome: auditDone, Before: was, After: after, SignedBy: g.kept.current.keyID})
	}
	s.retire(before)
	s.fleet.again()
}

// warnAndFollow follows the directory, and logs warnings about its rows and the file.
func (g *generation) warnAndFollow() {
	var changed <-chan struct{}
	if g.warner.directory != nil {
		changed = g.warner.directory.Changed()
		g.parts.rows.value.follow(g.log)
	}
	g.run(func(ctx context.Context) {
		g.warner.check() // of many rows, this takes seconds
		if g.warner.directory != nil {
			g.warner.follow(ctx, changed)
		}
	})
}

// retire closes a replaced generation when nothing uses it any more. Beyond maxReplaced,
// the oldest lose their websockets.
func (s *Server) retire(g *generation) {
	if next := s.now().parts.layer; next != nil && g.parts.layer != nil && next != g.parts.layer {
		g.restart.Store(true) // no message of another channel layer would reach its websockets
	}
	if all := s.generations.all(); len(all)-1 > maxReplaced {
		for _, old := range all[:len(all)-1-maxReplaced] {
			old.restart.Store(true)
		}
	}
	s.retiring.Go(func() {
		if !g.idle(s.base, s.now) {
			return // Close closes it
		}
		s.ledger.close(g.metrics)
		s.generations.remove(g)
		if err := g.close(); err != nil {
			s.log.Warn("closing a replaced configuration failed", "error", err)
		}
		returnMemory()
	})
}
