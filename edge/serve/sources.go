package serve

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/session"
	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/file"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

// openSource opens the source of the directory's rows.
func (p *Parts) openSource() error {
	d := p.file.Directory
	switch {
	case d.Source == "file" && d.Path != "":
		p.Source = file.New(file.Options{Path: d.Path, Logger: p.log})
	case d.Source == "file":
		p.Source = &inline{tenantdb.State{Tenants: d.Tenants, Domains: d.Domains}}
	case d.Source == "postgres":
		db, err := p.database()
		if err != nil {
			return fmt.Errorf("directory: %w", err)
		}
		p.Source = db.Source
	}
	return nil
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

// database opens the database of the directory. Queries use it too, and so do
// sessions unless they name another. Later calls return the same one.
func (p *Parts) database() (*postgres.DB, error) {
	if p.db != nil {
		return p.db, nil
	}
	c, err := Database(p.file)
	if err != nil {
		return nil, err
	}
	c.Logger, c.KnownSchema = p.log, p.isTenant
	for name, q := range p.file.Queries {
		c.Statements = append(c.Statements, postgres.Statement{Name: name, SQL: q.SQL, Public: q.Schema == config.SchemaPublic, Timeout: q.Timeout, MaxRows: q.MaxRows})
	}
	if s := p.file.Sessions; s != nil && s.Backend == "db" && s.Database.IsZero() {
		c.SessionTable = s.Table
	}
	if p.db, err = postgres.Open(c); err != nil {
		return nil, err
	}
	p.onClose(p.db.Close)
	return p.db, nil
}

// isTenant reports whether schema is that of a tenant. Statements run in no
// other schema.
func (p *Parts) isTenant(schema string) bool {
	for _, t := range p.Config.GuestConfig.Tenants {
		if t.Schema == schema {
			return true
		}
	}
	_, found := p.Config.Directory.BySchema(schema)
	return found
}

func (p *Parts) openQueries() error {
	if len(p.file.Queries) == 0 {
		return nil
	}
	db, err := p.database()
	if err != nil {
		return fmt.Errorf("queries: %w", err)
	}
	p.Config.Queries = querier{db.Queries}
	return nil
}

func (p *Parts) openSessions() error {
	s := p.file.Sessions
	if s == nil {
		return nil
	}
	c := session.Config{CookieName: s.CookieName, MaxAge: s.CookieAge, Salt: s.Salt, Logger: p.log}
	keys, err := s.SecretKeys()
	if err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	for _, k := range keys {
		c.Keys = append(c.Keys, session.NewKey(k))
	}
	if s.Backend == "db" {
		if c.Store, err = p.openSessionStore(s); err != nil {
			return fmt.Errorf("sessions: %w", err)
		}
		p.SessionStore = c.Store
		if c.CacheAge = s.CacheAge; c.CacheAge == 0 {
			c.CacheAge = -1 // no cache
		}
	}
	if p.Sessions, err = session.New(c); err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	p.onClose(p.Sessions.Close)
	p.Config.Sessions = p.Sessions
	return nil
}

// openSessionStore opens the session table in the directory's database, or in
// the one that the file names for sessions.
func (p *Parts) openSessionStore(s *config.Sessions) (session.Store, error) {
	if s.Database.IsZero() {
		db, err := p.database()
		if err != nil {
			return nil, err
		}
		return db.Sessions, nil
	}
	dsn, err := s.Database.ConnString()
	if err != nil {
		return nil, err
	}
	db, err := postgres.Open(postgres.Config{DSN: dsn, SessionTable: s.Table})
	if err != nil {
		return nil, err
	}
	p.onClose(db.Close)
	return db.Sessions, nil
}
