package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/metrics"
	"github.com/tenantedge/tenantedge/edge/session"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/file"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

// rows are the directory, its source, and the database of both.
type rows struct {
	directory *tenantdb.Directory
	source    tenantdb.Source // nil: there are only static tenants
	db        *postgres.DB    // nil: not open
	querier   *querier        // nil: there are no queries
	log       *slog.Logger

	loading   sync.Mutex
	loaded    bool
	following sync.WaitGroup
	end       context.CancelFunc // ends following; nil: it has not begun
}

// rowSettings are what rows depend on.
type rowSettings struct {
	directory config.Directory
	database  postgres.Config // with the connection string, but without functions
	compat    abi.Compat
	clone     string
	static    []reference // which no row may have
}

// reference are the names of a static tenant.
type reference struct{ schema, header, session string }

func (p *Parts) rowSettings() (rowSettings, error) {
	f := p.file
	s := rowSettings{directory: f.Directory, compat: f.GuestConfig.Compat}
	if f.GuestConfig.Default != nil {
		s.clone = f.GuestConfig.Default.CloneReference
	}
	for _, t := range f.GuestConfig.Tenants {
		s.static = append(s.static, reference{t.Schema, pointed(t.Header), pointed(t.SessionKey)})
	}
	slices.SortFunc(s.static, func(a, b reference) int { return strings.Compare(a.schema, b.schema) })
	if !p.needsDatabase() {
		return s, nil
	}
	c, err := Database(f)
	if err != nil {
		return s, fmt.Errorf("directory: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Queries)) {
		q := f.Queries[name]
		c.Statements = append(c.Statements, postgres.Statement{Name: name, SQL: q.SQL, Public: q.Schema == config.SchemaPublic, Timeout: q.Timeout, MaxRows: q.MaxRows})
	}
	if p.sessionsInDirectory() {
		c.SessionTable = f.Sessions.Table
	}
	s.database = c
	return s, nil
}

func pointed(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// sessionsInDirectory reports whether sessions are in the directory's database.
func (p *Parts) sessionsInDirectory() bool {
	s := p.file.Sessions
	return s != nil && s.Backend == "db" && s.Database.IsZero()
}

func (p *Parts) needsDatabase() bool {
	return p.file.Directory.Source == "postgres" || len(p.file.Queries) > 0 || p.sessionsInDirectory()
}

// openRows opens the source of the directory's rows, and the database.
func (p *Parts) openRows(before *Parts) error {
	settings, err := p.rowSettings()
	if err != nil {
		return err
	}
	p.rows, err = share(p.ledger(), before.rows, settings, func() (*rows, func() error, error) {
		r, err := p.newRows(settings.database)
		if err != nil {
			return nil, nil, err
		}
		return r, r.close, nil
	}, (*rows).figures)
	if err != nil {
		return err
	}
	p.onClose(p.rows.release)
	r := p.rows.value
	p.Source, p.Config.Directory = r.source, r.directory
	if r.querier != nil {
		p.Config.Queries = r.querier
	}
	return nil
}

// figures returns what r counts.
func (r *rows) figures() prometheus.Collector {
	figures := prometheus.NewRegistry()
	if r.source != nil {
		figures.MustRegister(metrics.New(metrics.Sources{Directory: r.directory.Stats}))
	}
	if r.querier != nil {
		figures.MustRegister(r.querier.newGauge())
	}
	return figures
}

func (p *Parts) newRows(c postgres.Config) (*rows, error) {
	r, d := &rows{directory: p.newDirectory(), log: p.log}, p.file.Directory
	if p.needsDatabase() {
		c.Logger, c.KnownSchema = p.log, isTenant(r.directory, p.file.GuestConfig.Tenants)
		var err error
		if r.db, err = postgres.Open(c); err != nil {
			return nil, p.file.At(err, "directory")
		}
	}
	if len(p.file.Queries) > 0 {
		r.querier = newQuerier(r.db.Queries, p.log)
	}
	switch {
	case d.Source == "file" && d.Path != "":
		r.source = file.New(file.Options{Path: d.Path, Logger: p.log})
	case d.Source == "file":
		r.source = &inline{tenantdb.State{Tenants: d.Tenants, Domains: d.Domains}}
	case d.Source == "postgres":
		r.source = r.db.Source
	}
	return r, nil
}

// isTenant reports whether a schema is that of a tenant. Statements run in no other
// schema.
func isTenant(directory *tenantdb.Directory, static []abi.StaticTenant) func(schema string) bool {
	return func(schema string) bool {
		_, found := directory.BySchema(schema)
		return found || slices.ContainsFunc(static, func(t abi.StaticTenant) bool { return t.Schema == schema })
	}
}

// load loads the rows; unless again is set, only if they were not loaded.
func (r *rows) load(ctx context.Context, again bool) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	if r.source == nil || r.loaded && !again {
		return nil
	}
	if err := r.source.Load(ctx, r.directory); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	r.loaded = true
	return nil
}

// follow follows the source until close. Later calls have no effect.
func (r *rows) follow(log *slog.Logger) {
	r.loading.Lock()
	defer r.loading.Unlock()
	if r.end != nil {
		return
	}
	ctx, end := context.WithCancel(context.Background())
	r.end = end
	r.following.Go(func() {
		if err := r.source.Follow(ctx, r.directory); err != nil && ctx.Err() == nil {
			log.Error("the directory is no longer updated", "error", err)
		}
	})
}

func (r *rows) close() error {
	r.loading.Lock()
	defer r.loading.Unlock()
	if r.end != nil {
		r.end()
		r.following.Wait()
	}
	if r.querier != nil {
		r.querier.close()
	}
	if r.db == nil {
		return nil
	}
	return r.db.Close()
}

// sessionService reads the sessions of requests.
type sessionService struct {
	reader *session.Reader
	store  session.Store // nil: they are in cookies
	own    *postgres.DB  // nil: they are in the directory's, or in cookies
}

// sessionSettings are what sessions depend on.
type sessionSettings struct {
	sessions config.Sessions
	keys     []string
	database string // connection string of their own database
}

func (p *Parts) openSessions(before *Parts) error {
	s := p.file.Sessions
	if s == nil {
		return nil
	}
	keys, err := s.SecretKeys()
	if err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	settings := sessionSettings{sessions: *s, keys: keys}
	if !s.Database.IsZero() {
		if settings.database, err = s.Database.ConnString(); err != nil {
			return fmt.Errorf("sessions: %w", err)
		}
	}
	shared := before.reader
	if p.sessionsInDirectory() && before.rows != p.rows {
		shared = nil // that reads from another database
	}
	p.reader, err = share(p.ledger(), shared, settings, func() (*sessionService, func() error, error) {
		opened, err := p.newSessions(settings)
		return opened, opened.close, err
	}, func(s *sessionService) prometheus.Collector {
		return metrics.New(metrics.Sources{Sessions: s.reader.Stats, SessionStore: s.reader.StoreStats})
	})
	if err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	p.onClose(p.reader.release)
	p.Sessions, p.SessionStore = p.reader.value.reader, p.reader.value.store
	p.Config.Sessions = p.Sessions
	return nil
}

func (p *Parts) newSessions(o sessionSettings) (s *sessionService, err error) {
	s = &sessionService{}
	f := &o.sessions
	c := session.Config{CookieName: f.CookieName, MaxAge: f.CookieAge, Salt: f.Salt, Logger: p.log}
	for _, k := range o.keys {
		c.Keys = append(c.Keys, session.NewKey(k))
	}
	if f.Backend == "db" {
		db := p.rows.value.db
		if !f.Database.IsZero() {
			if s.own, err = postgres.Open(postgres.Config{DSN: o.database, SessionTable: f.Table}); err != nil {
				return s, err
			}
			db = s.own
		}
		s.store = db.Sessions
		c.Store = s.store
		if c.CacheAge = f.CacheAge; c.CacheAge == 0 {
			c.CacheAge = -1 // no cache
		}
	}
	if s.reader, err = session.New(c); err != nil {
		return s, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *sessionService) close() error {
	var errs []error
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	if s.own != nil {
		errs = append(errs, s.own.Close())
	}
	return errors.Join(errs...)
}

// Database returns the configuration of the database with the directory's
// tables. Its Statements, SessionTable and Reserved are empty.
func Database(file *config.File) (postgres.Config, error) {
	d := file.Directory
	dsn, err := d.ConnString()
	return postgres.Config{
		DSN: dsn, StateFile: d.StateFile, StateWait: d.StateWait, Poll: d.PollInterval,
		Tables: postgres.Tables{Tenant: d.TenantTable, Domain: d.DomainTable, Attributes: d.Attributes},
	}, err
}
