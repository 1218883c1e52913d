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

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// Options is what a Source is made of; the DSN alone is enough for our own
// tables.
type Options struct {
	DSN    string // URL or key=value; see pgx
	Tables Tables
	// StateFile keeps the last good state for a start without the database.
	// Empty: it is not kept.
	StateFile string
	// StateWait is how long Load waits for the database where there is a state
	// file; then the saved state serves, and Follow goes on loading. Default 1 s.
	StateWait time.Duration
	// Poll is how often the database is asked whether all is as it was: the
	// bound on how late a change is where there are no triggers, and on how
	// late a dead connection is found. Default 5 s.
	Poll time.Duration
	// SaveEvery is the shortest time between two writings of the state file.
	// Default 10 s.
	SaveEvery time.Duration
	// Logger defaults to that of the directory.
	Logger *slog.Logger
}

// Source reads a directory's rows from Postgres and follows their changes.
type Source struct {
	opts  Options
	dsn   dsn
	names names

	mu       sync.Mutex
	follower *follower // connected by Load, for Follow to go on with
}

const (
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 10 * time.Second

	sayWaitingEvery = 10 * time.Second
)

// New checks the options. It does not connect.
func New(o Options) (*Source, error) {
	if o.Poll <= 0 {
		o.Poll = 5 * time.Second
	}
	if o.StateWait <= 0 {
		o.StateWait = time.Second
	}
	if o.SaveEvery <= 0 {
		o.SaveEvery = 10 * time.Second
	}
	d, err := parseDSN(o.DSN)
	if err != nil {
		return nil, err
	}
	n, err := o.Tables.parse()
	if err != nil {
		return nil, err
	}
	return &Source{opts: o, dsn: d, names: n}, nil
}

// Load fills the directory from the database or, if that has not answered within
// Options.StateWait, from the state file. Without a state file it waits for the
// database, and logs that it does.
func (s *Source) Load(ctx context.Context, dir *tenantdb.Directory) error {
	if s.opts.StateFile == "" {
		return s.load(ctx, dir)
	}
	if _, missing := os.Stat(s.opts.StateFile); missing != nil {
		err := s.load(ctx, dir)
		if err != nil {
			err = errors.Join(err, fmt.Errorf("postgres: there is no saved state either: %w", missing))
		}
		return err
	}
	limited, cancel := context.WithTimeout(ctx, s.opts.StateWait)
	defer cancel()
	err := s.load(limited, dir)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if limited.Err() != nil {
		err = fmt.Errorf("the database has not answered within %v: %w", s.opts.StateWait, err)
	}
	state, stateErr := tenantdb.LoadState(s.opts.StateFile)
	if stateErr != nil {
		s.log(dir).Warn("the saved state cannot be read; waiting for the database", "error", stateErr)
		if err = s.load(ctx, dir); err != nil {
			err = errors.Join(err, stateErr)
		}
		return err
	}
	report := dir.Replace(state)
	dir.Degrade("serving the saved state: " + err.Error())
	s.log(dir).Warn("the database cannot be read; serving the saved state", "error", err,
		"file", s.opts.StateFile, "synced_at", state.SyncedAt, "tenants", report.Tenants, "domains", report.Domains)
	return nil
}

// load fills the directory from the database.
func (s *Source) load(ctx context.Context, dir *tenantdb.Directory) error {
	defer s.sayWaiting(dir)()
	f, err := s.begin(ctx, dir)
	if err == nil {
		s.put(f)
	}
	return err
}

// sayWaiting logs from time to time that the database has not answered yet,
// until the function that it returns is called.
func (s *Source) sayWaiting(dir *tenantdb.Directory) (stop func()) {
	answered := make(chan struct{})
	go func() {
		tick := time.NewTicker(sayWaitingEvery)
		defer tick.Stop()
		for began := time.Now(); ; {
			select {
			case <-tick.C:
				s.log(dir).Warn("waiting for the database to answer; a lock on the tables of tenants and domains may hold it up",
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
		saver.changed() // Load has read what the file may not hold
	}
	wait := backoffFirst
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
			wait = backoffFirst
		}
		if ctx.Err() != nil || errors.Is(err, errModeChanged) {
			continue
		}
		dir.Degrade(err.Error())
		// Edges that lost one database do not come back all at once.
		pause := wait/2 + rand.N(wait/2+1)
		s.log(dir).Warn(failure(err)+"; serving the last good state", "error", err, "retry_in", pause.Round(time.Millisecond).String())
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		wait = min(2*wait, backoffMost)
	}
	return ctx.Err()
}

// clean is dsn.clean, which knows the errors that are about the tables.
func (s *Source) clean(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "42P01", "42703", "3F000", "42501": // no table, no column, no schema, no privilege
			err = fmt.Errorf("%w: %w", ErrTables, err)
		}
	}
	return s.dsn.clean(err)
}

// failure says in a few words what kind of error keeps the tables from being
// read.
func failure(err error) string {
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, ErrTables):
		return "the tables are not as expected"
	case errors.Is(err, context.DeadlineExceeded):
		return "the database does not answer in time"
	case errors.As(err, &pg) && !strings.HasPrefix(pg.Code, "57P"): // it shuts down, or starts
		return "the database refuses to be read"
	}
	return "the database is lost"
}

// Notified reports, after Load, whether the database notifies of changes: its
// triggers are there. Otherwise it is asked every Options.Poll.
func (s *Source) Notified() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.follower != nil && s.follower.mark.polling == ""
}

// Close ends what Load has left open for a Follow that did not come.
func (s *Source) Close() error {
	if f := s.take(); f != nil {
		f.close()
	}
	return nil
}

// begin connects, listens where it can, and loads everything.
func (s *Source) begin(ctx context.Context, dir *tenantdb.Directory) (*follower, error) {
	conn, err := s.dsn.connect(ctx)
	if err != nil {
		return nil, err
	}
	f := &follower{source: s, dir: dir, conn: conn}
	if err := f.start(ctx); err != nil {
		f.close()
		return nil, s.clean(err)
	}
	return f, nil
}

func (s *Source) put(f *follower) {
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
	if s.opts.Logger != nil {
		return s.opts.Logger
	}
	return dir.Logger()
}

// notePolling notes why changes are polled for, and logs it when that changes.
func (s *Source) notePolling(dir *tenantdb.Directory, reason string) {
	before := ""
	dir.Note(func(u *tenantdb.Upkeep) { before, u.Polling = u.Polling, reason })
	switch {
	case reason == before:
	case reason == "":
		s.log(dir).Info("the database notifies of changes")
	default:
		s.log(dir).Warn("the database does not notify of changes; polling for them", "reason", reason, "every", s.opts.Poll.String())
	}
}

// tell logs the rows that a report refuses.
func (s *Source) tell(dir *tenantdb.Directory, r tenantdb.Report) {
	if r.Refused > 0 {
		s.log(dir).Warn("rows of the database were left out", "report", r.String())
	}
}

// readAll reads both tables at one moment.
func (s *Source) readAll(ctx context.Context, conn *pgx.Conn, l layout) (state tenantdb.State, err error) {
	err = pgx.BeginTxFunc(ctx, conn, snapshot, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+s.names.tenantColumns()+" FROM "+s.names.tenant.Sanitize()+" t ORDER BY t.id")
		if err != nil {
			return err
		}
		if state.Tenants, err = s.scanTenants(rows); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, "SELECT "+l.domainColumns()+" FROM "+s.names.domain.Sanitize()+" d ORDER BY d.id")
		if err != nil {
			return err
		}
		state.Domains, err = scanDomains(rows)
		return err
	})
	return state, err
}

var snapshot = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}

// readTenants reads the rows of some tenants at one moment.
func (s *Source) readTenants(ctx context.Context, conn *pgx.Conn, l layout, ids []string) ([]tenantdb.Change, error) {
	var tenants []tenantdb.Tenant
	var domains []tenantdb.Domain
	// The ids are cast to the columns' types, so that the indexes are used.
	where := func(c column) string { return " = ANY($1::text[]::" + c.typ + "[])" }
	err := pgx.BeginTxFunc(ctx, conn, snapshot, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+s.names.tenantColumns()+" FROM "+s.names.tenant.Sanitize()+
			" t WHERE t.id"+where(l.tenant["id"])+" ORDER BY t.id", ids)
		if err != nil {
			return err
		}
		if tenants, err = s.scanTenants(rows); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, "SELECT "+l.domainColumns()+" FROM "+s.names.domain.Sanitize()+
			" d WHERE d.tenant_id"+where(l.domain["tenant_id"])+" ORDER BY d.id", ids)
		if err != nil {
			return err
		}
		domains, err = scanDomains(rows)
		return err
	})
	if err != nil {
		return nil, err
	}
	return changes(ids, tenants, domains), nil
}

func changes(ids []string, tenants []tenantdb.Tenant, domains []tenantdb.Domain) []tenantdb.Change {
	list := make([]tenantdb.Change, 0, len(ids))
	index := make(map[string]int, len(ids))
	for _, t := range tenants {
		index[t.ID] = len(list)
		list = append(list, tenantdb.Change{Tenant: t})
	}
	for _, id := range ids {
		if _, found := index[id]; !found {
			index[id] = len(list)
			list = append(list, tenantdb.Change{Tenant: tenantdb.Tenant{ID: id}, Removed: true})
		}
	}
	for _, d := range domains {
		if i, found := index[d.TenantID]; found {
			list[i].Domains = append(list[i].Domains, d)
		}
	}
	return list
}

// scanTenants reads id, schema and attributes; a NULL is no attribute.
func (s *Source) scanTenants(rows pgx.Rows) ([]tenantdb.Tenant, error) {
	defer rows.Close()
	var tenants []tenantdb.Tenant
	for rows.Next() {
		// All columns are text, which is the same in both formats.
		v := rows.RawValues()
		t := tenantdb.Tenant{ID: string(v[0]), Schema: string(v[1])}
		for i, name := range s.names.attributes {
			if value := v[2+i]; value != nil {
				t.Attributes = append(t.Attributes, tenantdb.Attribute{Name: name, Value: string(value)})
			}
		}
		tenants = append(tenants, t)
	}
	return tenants, rows.Err()
}

func scanDomains(rows pgx.Rows) ([]tenantdb.Domain, error) {
	defer rows.Close()
	formats := rows.FieldDescriptions()
	flag := func(v []byte, i int) bool {
		if formats[i].Format == pgx.TextFormatCode {
			return string(v) == "t"
		}
		return len(v) == 1 && v[0] == 1
	}
	var domains []tenantdb.Domain
	id := ""
	for rows.Next() {
		v := rows.RawValues()
		if string(v[0]) != id {
			id = string(v[0]) // rows of one tenant often follow each other
		}
		domains = append(domains, tenantdb.Domain{
			TenantID: id, Domain: string(v[1]), Folder: string(v[2]), IsPrimary: flag(v[3], 3), RedirectToPrimary: flag(v[4], 4),
		})
	}
	return domains, rows.Err()
}

var errModeChanged = errors.New("triggers have come or gone")

var _ tenantdb.Source = (*Source)(nil)
