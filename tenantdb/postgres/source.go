package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// Source reads a directory's rows from Postgres and follows their changes.
type Source struct {
	db                         *DB
	stateFile                  string
	stateWait, poll, saveEvery time.Duration
	logger                     *slog.Logger // nil: that of the directory

	mu       sync.Mutex
	follower *follower // made by Load, used by Follow

	saving sync.Mutex // held during a write of the state file
	left   bool       // the state file is not written any more; guarded by saving
}

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 10 * time.Second

	logWaitingEvery = 10 * time.Second
)

func newSource(db *DB, c Config) *Source {
	return &Source{
		db: db, stateFile: c.StateFile, logger: c.Logger,
		stateWait: orDefault(c.StateWait, time.Second),
		poll:      orDefault(c.Poll, 5*time.Second),
		saveEvery: orDefault(c.SaveEvery, 10*time.Second),
	}
}

func orDefault(d, standard time.Duration) time.Duration {
	if d <= 0 {
		return standard
	}
	return d
}

// Load fills the directory from the database or, if that does not answer within
// Config.StateWait, from the state file. Without a state file it waits for the
// database, and logs that it waits.
func (s *Source) Load(ctx context.Context, dir *tenantdb.Directory) error {
	if s.stateFile == "" {
		return s.load(ctx, dir)
	}
	if _, missing := os.Stat(s.stateFile); missing != nil {
		err := s.load(ctx, dir)
		if err != nil {
			err = errors.Join(err, fmt.Errorf("postgres: there is no saved state either: %w", missing))
		}
		return err
	}
	limited, cancel := context.WithTimeout(ctx, s.stateWait)
	defer cancel()
	err := s.load(limited, dir)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if limited.Err() != nil {
		err = fmt.Errorf("the database has not answered within %v: %w", s.stateWait, err)
	}
	state, stateErr := tenantdb.LoadState(s.stateFile)
	if stateErr != nil {
		s.log(dir).Warn("cannot read the saved state; waiting for the database", "error", stateErr)
		if err = s.load(ctx, dir); err != nil {
			err = errors.Join(err, stateErr)
		}
		return err
	}
	report := dir.Replace(state)
	dir.Degrade("serving the saved state: " + err.Error())
	s.log(dir).Warn("cannot read the database; serving the saved state", "error", err,
		"file", s.stateFile, "synced_at", state.SyncedAt, "tenants", report.Tenants, "domains", report.Domains)
	return nil
}

// load fills the directory from the database.
func (s *Source) load(ctx context.Context, dir *tenantdb.Directory) error {
	defer s.logWaiting(dir)()
	f, err := s.begin(ctx, dir)
	if err == nil {
		s.keep(f)
	}
	return err
}

// logWaiting logs at intervals that the database has not answered, until stop is
// called.
func (s *Source) logWaiting(dir *tenantdb.Directory) (stop func()) {
	answered := make(chan struct{})
	go func() {
		tick := time.NewTicker(logWaitingEvery)
		defer tick.Stop()
		for began := time.Now(); ; {
			select {
			case <-tick.C:
				s.log(dir).Warn("waiting for the database to answer; a lock on the tables of tenants and domains may block it",
					"waited", time.Since(began).Round(time.Second).String())
			case <-answered:
				return
			}
		}
	}()
	return func() { close(answered) }
}

// Follow keeps the directory up to date until the context ends.
func (s *Source) Follow(ctx context.Context, dir *tenantdb.Directory) error {
	saver := newSaver(s, dir)
	defer saver.stop()
	if s.connected() {
		saver.changed() // the file may not hold what Load has read
	}
	wait := firstRetry
	for ctx.Err() == nil {
		f := s.take()
		var err error
		if f == nil {
			if f, err = s.begin(ctx, dir); err == nil {
				s.log(dir).Info("the directory is in step with the database again")
				saver.changed()
			}
		}
		if err == nil {
			err = f.follow(ctx, saver)
			f.close()
			wait = firstRetry
		}
		if ctx.Err() != nil || errors.Is(err, errModeChanged) {
			continue
		}
		dir.Degrade(err.Error())
		// The pause is random, so that edges that lost one database do not
		// reconnect all at once.
		pause := wait/2 + rand.N(wait/2+1)
		s.log(dir).Warn(failure(err)+"; serving the last good state", "error", err, "retry_in", pause.Round(time.Millisecond).String())
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		wait = min(2*wait, lastRetry)
	}
	return ctx.Err()
}

// failure describes in a few words why the tables cannot be read.
func failure(err error) string {
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, ErrTables):
		return "the tables are not as expected"
	case errors.Is(err, context.DeadlineExceeded):
		return "the database does not answer in time"
	case errors.As(err, &pg) && !strings.HasPrefix(pg.Code, "57P"): // the server shuts down, or starts
		return "the database rejects reading the tables"
	}
	return "the connection to the database is lost"
}

// Notified reports whether the database notifies of changes, because its
// triggers are installed. It is valid after Load and before Follow. Otherwise
// the Source polls for changes.
func (s *Source) Notified() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.follower != nil && s.follower.mark.polling == ""
}

// close closes the connection that Load left for Follow.
func (s *Source) close() {
	if f := s.take(); f != nil {
		f.close()
	}
}

// begin connects, listens where it can, and loads all rows.
func (s *Source) begin(ctx context.Context, dir *tenantdb.Directory) (*follower, error) {
	conn, err := s.db.connect(ctx)
	if err != nil {
		return nil, s.db.redact(err)
	}
	f := &follower{source: s, dir: dir, conn: conn}
	if err := f.start(ctx); err != nil {
		f.close()
		return nil, s.db.redact(tableError(err))
	}
	return f, nil
}

// keep keeps f for Follow.
func (s *Source) keep(f *follower) {
	if old := s.swap(f); old != nil {
		old.close()
	}
}

func (s *Source) connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.follower != nil
}

func (s *Source) take() *follower { return s.swap(nil) }

func (s *Source) swap(f *follower) *follower {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.follower
	s.follower = f
	return old
}

func (s *Source) log(dir *tenantdb.Directory) *slog.Logger {
	if s.logger != nil {
		return s.logger
	}
	return dir.Logger()
}

// setPolling records why the Source polls, empty if it does not, and logs a
// change of that.
func (s *Source) setPolling(dir *tenantdb.Directory, reason string) {
	before := ""
	dir.Note(func(u *tenantdb.Upkeep) { before, u.Polling = u.Polling, reason })
	switch {
	case reason == before:
	case reason == "":
		s.log(dir).Info("the database notifies of changes")
	default:
		s.log(dir).Warn("the database does not notify of changes; polling for them", "reason", reason, "every", s.poll.String())
	}
}

// logLeftOut logs the rows that a report leaves out.
func (s *Source) logLeftOut(dir *tenantdb.Directory, r tenantdb.Report) {
	if r.LeftOut > 0 {
		s.log(dir).Warn("rows of the database were left out", "report", r.String())
	}
}

var errModeChanged = errors.New("triggers were installed or removed")

var _ tenantdb.Source = (*Source)(nil)
