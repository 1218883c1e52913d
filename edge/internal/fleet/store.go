package fleet

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tenantedge/tenantedge/edge/config"
)

// Config configures a [Store].
type Config struct {
	DSN   string // connection string of Postgres; empty: the PG variables of libpq
	Fleet string // name; see ValidName
}

// Store is a fleet in Postgres.
type Store struct {
	fleet    string
	pool     *pgxpool.Pool
	password string
}

// ErrNotInstalled is the error if the tables are missing or may not be used.
var ErrNotInstalled = errors.New("expected the tables of the fleet; run `tenantedge db init`, and grant the rights that edge/config/REFERENCE.md lists")

var validName = regexp.MustCompile(`^[-_.a-zA-Z0-9]{1,64}$`)

// ValidName reports whether a name may be that of a fleet or of a node: 1 to 64
// letters, digits, dots, hyphens and underscores.
func ValidName(name string) bool { return validName.MatchString(name) }

const (
	connectTimeout = 5 * time.Second // unless the connection string has one
	queryTimeout   = 10 * time.Second
	guestTimeout   = 2 * time.Minute // for queries that have a guest
	maxConns       = 3               // for a report, a guest and the end of a trial at once
)

// Open checks c. It does not connect. The caller must close the Store.
func Open(c Config) (*Store, error) {
	if !ValidName(c.Fleet) {
		return nil, fmt.Errorf("fleet: expected a name of 1 to 64 letters, digits, dots, hyphens and underscores, found %.80q", c.Fleet)
	}
	p, err := pgxpool.ParseConfig(c.DSN)
	if err != nil {
		// Where pgx cannot parse the string, any part of it may be the password.
		return nil, errors.New("fleet: cannot parse the connection string: expected postgres://user@host/database or key=value pairs; the string is not shown because it may contain a password")
	}
	p.MinConns, p.MaxConns = 0, maxConns
	if p.ConnConfig.ConnectTimeout == 0 {
		p.ConnConfig.ConnectTimeout = connectTimeout
	}
	if p.ConnConfig.RuntimeParams["application_name"] == "" {
		p.ConnConfig.RuntimeParams["application_name"] = "tenantedge fleet"
	}
	// The pool connects at its first use.
	pool, err := pgxpool.NewWithConfig(context.Background(), p)
	if err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	return &Store{fleet: c.Fleet, pool: pool, password: p.ConnConfig.Password}, nil
}

// OpenConfigured opens the fleet of a file, which must have one. It does not connect.
func OpenConfigured(f *config.File) (*Store, error) {
	database := f.Fleet.Database
	if database.IsZero() {
		database = f.Directory.Database
	}
	dsn, err := database.ConnString()
	if err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	return Open(Config{DSN: dsn, Fleet: f.Fleet.Name})
}

// Fleet returns the name of the fleet.
func (s *Store) Fleet() string { return s.fleet }

// Database names the database, without secrets.
func (s *Store) Database() string {
	c := s.pool.Config().ConnConfig
	return fmt.Sprintf("%s:%d/%s", c.Host, c.Port, c.Database)
}

// Close closes the connections.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// connect returns a connection of its own, which LISTEN needs.
func (s *Store) connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
}

// redact returns err in one line, with the package's prefix and without the password.
// Exported methods call it, once.
func (s *Store) redact(err error) error {
	var known *ConflictError
	if err == nil || errors.As(err, &known) || errors.Is(err, ErrUnknownGuest) {
		return err
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if s.password != "" {
		text = strings.ReplaceAll(text, s.password, "[password]")
	}
	switch sqlState(err) {
	case "42P01", "42703", "42883", "42501": // no table, column or function, no right
		return fmt.Errorf("fleet: %w: %s", ErrNotInstalled, text)
	}
	return errors.New("fleet: " + text)
}

// sqlState returns the code of an error that the server has sent; empty: it has sent
// none.
func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
