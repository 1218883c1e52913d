package main

import (
	"fmt"
	"log/slog"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/session"
	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/file"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

// wireSource connects the directory to where its rows come from.
func (w *wiring) wireSource(f *config.File, log *slog.Logger) error {
	d := f.Directory
	switch {
	case d.Source == "file" && d.Path != "":
		w.source = file.New(file.Options{Path: d.Path, Logger: log})
	case d.Source == "file":
		w.source = &inline{tenantdb.State{Tenants: d.Tenants, Domains: d.Domains}}
	case d.Source == "postgres":
		db, err := w.open(f)
		if err != nil {
			return fmt.Errorf("directory: %w", err)
		}
		w.source = db.Source
	}
	return nil
}

// open opens the database of the directory, of queries, and of sessions that
// name no other.
func (w *wiring) open(f *config.File) (*postgres.DB, error) {
	if w.db != nil {
		return w.db, nil
	}
	d := f.Directory
	dsn, err := d.ConnString()
	if err != nil {
		return nil, err
	}
	c := postgres.Config{
		DSN: dsn, Tables: tables(d), StateFile: d.StateFile, StateWait: d.StateWait, Poll: d.PollInterval, Logger: w.edge.Logger,
		KnownSchema: w.knows,
	}
	for name, q := range f.Queries {
		c.Statements = append(c.Statements, postgres.Statement{Name: name, SQL: q.SQL, Public: q.Schema == config.SchemaPublic, Timeout: q.Timeout, MaxRows: q.MaxRows})
	}
	if s := f.Sessions; s != nil && s.Backend == "db" && s.Database.IsZero() {
		c.SessionTable = s.Table
	}
	db, err := postgres.Open(c)
	if err != nil {
		return nil, err
	}
	w.closes(func() error {
		w.db = nil
		return db.Close()
	})
	w.db = db
	return db, nil
}

func tables(d config.Directory) postgres.Tables {
	return postgres.Tables{Tenant: d.TenantTable, Domain: d.DomainTable, Attributes: d.Attributes}
}

// wireServices adds what guests and requests need: sessions and queries.
func (w *wiring) wireServices(f *config.File, log *slog.Logger) error {
	if f.Sessions != nil {
		if err := w.wireSessions(f, log); err != nil {
			return fmt.Errorf("sessions: %w", err)
		}
	}
	return w.wireQueries(f)
}

// wireQueries adds queries alone: eval is told what a session holds.
func (w *wiring) wireQueries(f *config.File) error {
	if len(f.Queries) == 0 {
		return nil
	}
	db, err := w.open(f)
	if err != nil {
		return fmt.Errorf("queries: %w", err)
	}
	w.edge.Queries = querier{db.Queries}
	return nil
}

// knows reports whether a schema is a tenant's, so that statements run in no
// other.
func (w *wiring) knows(schema string) bool {
	for _, t := range w.edge.Tenants {
		if t.Schema == schema {
			return true
		}
	}
	_, found := w.directory.BySchema(schema)
	return found
}

func (w *wiring) wireSessions(f *config.File, log *slog.Logger) error {
	c := session.Config{CookieName: f.Sessions.CookieName, MaxAge: f.Sessions.CookieAge, Salt: f.Sessions.Salt, Logger: log}
	keys, err := f.Sessions.SecretKeys()
	if err != nil {
		return err
	}
	for _, k := range keys {
		c.Keys = append(c.Keys, session.NewKey(k))
	}
	if f.Sessions.Backend == "db" {
		if w.sessions, err = w.openSessions(f); err != nil {
			return err
		}
		c.Store = w.sessions
		if c.CacheAge = f.Sessions.CacheAge; c.CacheAge == 0 {
			c.CacheAge = -1 // none
		}
	}
	reader, err := session.New(c)
	if err != nil {
		return err
	}
	w.closes(reader.Close)
	w.edge.Sessions, w.reader = reader, reader
	return nil
}

// openSessions opens the table of sessions, in the directory's database or in
// another.
func (w *wiring) openSessions(f *config.File) (*postgres.Sessions, error) {
	if f.Sessions.Database.IsZero() {
		db, err := w.open(f)
		if err != nil {
			return nil, err
		}
		return db.Sessions, nil
	}
	dsn, err := f.Sessions.Database.ConnString()
	if err != nil {
		return nil, err
	}
	db, err := postgres.Open(postgres.Config{DSN: dsn, SessionTable: f.Sessions.Table})
	if err != nil {
		return nil, err
	}
	w.closes(db.Close)
	return db.Sessions, nil
}
