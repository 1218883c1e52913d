package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// Config configures a [DB]. The zero value connects by the PG environment
// variables of libpq, to the tables that [DB.Init] creates.
type Config struct {
	// DSN is a connection string, URL or key=value; see pgxpool.ParseConfig.
	DSN string
	// Pool is used instead of DSN. DB.Close leaves it open.
	Pool *pgxpool.Pool
	// MaxConns limits the pool that Open creates for DSN. Default 8. The Source has
	// another connection.
	MaxConns int32
	Tables   Tables

	// StateFile keeps the last good state for a start without the database.
	// Empty: the state is not saved.
	StateFile string
	// StateWait is how long Source.Load waits for the database if there is a
	// state file. After that Load serves the saved state, and Follow keeps
	// trying the database. Default 1 s.
	StateWait time.Duration
	// Poll is the interval at which the Source compares the tables' change
	// counters, and so notices changes without triggers and dead connections.
	// Postgres updates the counters up to ten seconds after a commit, which adds
	// to the delay of a change. Default 5 s.
	Poll time.Duration
	// SaveEvery is the shortest interval between two writes of the state file.
	// Default 10 s.
	SaveEvery time.Duration
	// Logger logs for the Source. nil: the logger of the directory.
	Logger *slog.Logger

	// Statements are what Queries can run.
	Statements []Statement
	// SearchPath lists the schemas after the tenant's in the search_path of
	// statements. nil: public.
	SearchPath []string
	// KnownSchema reports whether a schema is a tenant's; statements run in no
	// other. nil: every valid schema name is a tenant's.
	KnownSchema func(schema string) bool

	// SessionTable is the table of Django's sessions, usually django_session.
	// Empty: DB.Sessions is nil.
	SessionTable string
	// SessionTimeout limits a lookup, including the wait for a connection. With a
	// SessionTable it also limits connecting in the pool that Open creates, for
	// Queries and Store too. Default 1 s.
	SessionTimeout time.Duration

	// Reserved lists schema names, compared ignoring case, that Store gives to
	// no new tenant: the keys of the TENANTS table and the clone reference.
	Reserved []string
	// RefuseTenant returns why Store must not add a tenant, or the empty
	// string. nil: every valid tenant is added. edge.Config.RefuseTenant is one.
	RefuseTenant func(tenantdb.Tenant) (reason string)
}

// DB is what one database offers. Queries, Sessions and Store share a pool;
// Source has a separate connection, because LISTEN belongs to a session.
type DB struct {
	Source   *Source
	Queries  *Queries
	Sessions *Sessions // nil if Config.SessionTable is empty
	Store    *Store

	names    names
	pool     *pgxpool.Pool
	owned    bool // Close closes the pool
	connect  func(context.Context) (*pgx.Conn, error)
	password string
}

const (
	defaultConns   = 8
	connectTimeout = 5 * time.Second // unless the connection string has one
	application    = "tenantedge"
)

// Open returns a DB. It checks c, and does not connect.
func Open(c Config) (*DB, error) {
	n, err := c.Tables.parse()
	if err != nil {
		return nil, err
	}
	config, err := c.poolConfig()
	if err != nil {
		return nil, err
	}
	db := &DB{names: n, pool: c.Pool, connect: connector(config), password: config.ConnConfig.Password}
	db.Source = newSource(db, c)
	db.Store = &Store{db, c.Reserved, c.RefuseTenant}
	queryConns := config.MaxConns
	if c.SessionTable != "" {
		queryConns = max(1, config.MaxConns/2)
		if db.Sessions, err = newSessions(db, c, max(1, config.MaxConns-queryConns)); err != nil {
			return nil, err
		}
		// A lookup has no use for a connection that arrives after its time, and
		// the lookups after it would wait for that connection too.
		config.ConnConfig.ConnectTimeout = min(config.ConnConfig.ConnectTimeout, db.Sessions.timeout)
	}
	if db.Queries, err = newQueries(db, c, queryConns); err != nil {
		return nil, err
	}
	if db.pool == nil {
		db.owned = true
		// The pool connects at its first use.
		if db.pool, err = pgxpool.NewWithConfig(context.Background(), config); err != nil {
			return nil, db.redact(err)
		}
	}
	return db, nil
}

// poolConfig returns the configuration of the caller's pool, or of the pool
// that Open makes. Errors never quote the connection string.
func (c Config) poolConfig() (*pgxpool.Config, error) {
	switch {
	case c.Pool != nil && c.DSN != "":
		return nil, errors.New("postgres: expected Config.DSN or Config.Pool, found both; leave one out")
	case c.Pool != nil:
		return c.Pool.Config(), nil
	}
	p, err := pgxpool.ParseConfig(c.DSN)
	if err != nil {
		// pgx hides passwords where it can parse the string; where it cannot,
		// any part may be the password.
		return nil, errors.New("postgres: cannot parse the connection string: expected postgres://user@host/database or key=value pairs; the string is not shown because it may contain a password")
	}
	p.MinConns, p.MaxConns = 0, cmp.Or(max(c.MaxConns, 0), defaultConns)
	if p.ConnConfig.ConnectTimeout == 0 {
		p.ConnConfig.ConnectTimeout = connectTimeout
	}
	if p.ConnConfig.RuntimeParams["application_name"] == "" {
		p.ConnConfig.RuntimeParams["application_name"] = application
	}
	return p, nil
}

// connector returns a function that connects as a pool of that configuration
// does.
func connector(p *pgxpool.Config) func(context.Context) (*pgx.Conn, error) {
	c, before, after := p.ConnConfig.Copy(), p.BeforeConnect, p.AfterConnect
	return func(ctx context.Context) (*pgx.Conn, error) {
		c := c.Copy()
		if before != nil {
			if err := before(ctx, c); err != nil {
				return nil, err
			}
		}
		conn, err := pgx.ConnectConfig(ctx, c)
		if err == nil && after != nil {
			if err = after(ctx, conn); err != nil {
				err = errors.Join(err, conn.Close(ctx))
			}
		}
		return conn, err
	}
}

// Close closes the pool, unless it is the caller's, and the connection of a
// Source that was loaded and is not followed. A Source that is followed closes
// its connection when the context of Follow ends.
func (db *DB) Close() error {
	db.Source.close()
	if db.owned {
		db.pool.Close()
	}
	return nil
}

// share limits how many of the pool's connections Queries or Sessions use at
// once, so that slow statements cannot keep sessions from being read.
type share chan struct{}

// acquire waits for a connection. The caller calls release once, without using
// the connection afterwards.
func (s share) acquire(ctx context.Context, pool *pgxpool.Pool) (conn *pgxpool.Conn, release func(), err error) {
	select {
	case s <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("%w: %w", errNoConnection, ctx.Err())
	}
	if conn, err = pool.Acquire(ctx); err != nil {
		<-s
		return nil, nil, fmt.Errorf("%w: %w", errNoConnection, err)
	}
	return conn, func() {
		conn.Release() // closes a connection that is still in a transaction
		<-s
	}, nil
}
