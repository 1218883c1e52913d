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
		dsn, err := d.ConnString()
		if err != nil {
			return fmt.Errorf("directory: %w", err)
		}
		source, err := postgres.New(postgres.Options{
			DSN: dsn, Tables: tables(d), StateFile: d.StateFile, StateWait: d.StateWait, Poll: d.PollInterval, Logger: log,
		})
		if err != nil {
			return fmt.Errorf("directory: %w", err)
		}
		w.closes(source.Close)
		w.source = source
	}
	return nil
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
	dsn, err := f.Directory.ConnString()
	if err != nil {
		return fmt.Errorf("queries: %w", err)
	}
	o := postgres.QueryOptions{DSN: dsn, Known: w.knows}
	for name, q := range f.Queries {
		o.Statements = append(o.Statements, postgres.Statement{Name: name, SQL: q.SQL, Public: q.Schema == config.SchemaPublic, Timeout: q.Timeout, MaxRows: q.MaxRows})
	}
	queries, err := postgres.NewQueries(o)
	if err != nil {
		return fmt.Errorf("queries: %w", err)
	}
	w.closes(queries.Close)
	w.edge.Queries = querier{queries}
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
		database := f.Sessions.Database
		if database.IsZero() {
			database = f.Directory.Database
		}
		dsn, err := database.ConnString()
		if err != nil {
			return err
		}
		store, err := postgres.NewSessions(postgres.SessionOptions{DSN: dsn, Table: f.Sessions.Table})
		if err != nil {
			return err
		}
		w.closes(store.Close)
		c.Store, w.sessions = store, store
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
