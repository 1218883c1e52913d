package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// SessionOptions is what Sessions are made of.
type SessionOptions struct {
	DSN      string
	Table    string        // default django_session
	Timeout  time.Duration // default 1 s, waiting for a connection included
	MaxConns int32         // default 4
}

// mostSessionBytes bounds what is fetched of a row. Session data that is longer
// comes back empty, which is signed by no key.
const mostSessionBytes = 2 << 20

// Sessions reads Django's sessions of the database backend.
type Sessions struct {
	dsn     dsn
	pool    *pgxpool.Pool
	sql     string
	timeout time.Duration
}

// NewSessions checks the options. It does not connect.
func NewSessions(o SessionOptions) (*Sessions, error) {
	d, err := parseDSN(o.DSN)
	if err != nil {
		return nil, err
	}
	if o.Table == "" {
		o.Table = "django_session"
	}
	table, err := parseTable(o.Table)
	if err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Second
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 4
	}
	// A connection that arrives after the lookup's time is of no use to it, and
	// delays the lookups after it.
	d.config.ConnConfig.ConnectTimeout = min(d.config.ConnConfig.ConnectTimeout, o.Timeout)
	p, err := d.pool(o.MaxConns)
	if err != nil {
		return nil, err
	}
	sql := "SELECT CASE WHEN octet_length(session_data) <= " + strconv.Itoa(mostSessionBytes) + " THEN session_data ELSE '' END, expire_date FROM " + table.Sanitize() + " WHERE session_key = $1"
	return &Sessions{d, p, sql, o.Timeout}, nil
}

// Close ends the connections.
func (s *Sessions) Close() error {
	s.pool.Close()
	return nil
}

// SessionData returns the data of a session as it is stored, and when it
// expires; whether it has expired is the caller's to say. No such session is
// not an error: found is false.
func (s *Sessions) SessionData(ctx context.Context, key string) (data string, expires time.Time, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	// pgx prepares the statement once for each connection.
	var expiry pgtype.Timestamptz
	err = s.pool.QueryRow(ctx, s.sql, key).Scan(&data, &expiry)
	switch {
	case err == nil:
		return data, end(expiry), true, nil
	case errors.Is(err, pgx.ErrNoRows):
		return "", time.Time{}, false, nil
	}
	return "", time.Time{}, false, s.dsn.clean(fmt.Errorf("reading a session: %w", kind(ctx, err)))
}

// end is when a session ends. Postgres has dates before and after all others.
func end(t pgtype.Timestamptz) time.Time {
	if t.InfinityModifier == pgtype.Infinity {
		return time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)
	}
	return t.Time // the zero time for null and -infinity
}
