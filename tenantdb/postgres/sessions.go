package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// maxSessionBytes limits what is fetched of a row. Longer session data is
// returned as the empty string, which has no valid signature.
const maxSessionBytes = 2 << 20

// Sessions reads Django's sessions of the backends db and cached_db.
type Sessions struct {
	db      *DB
	share   share
	sql     string
	timeout time.Duration
}

func newSessions(db *DB, c Config, conns int32) (*Sessions, error) {
	table, err := parseTable(c.SessionTable)
	if err != nil {
		return nil, err
	}
	if c.SessionTimeout <= 0 {
		c.SessionTimeout = time.Second
	}
	sql := "SELECT CASE WHEN octet_length(session_data) <= " + strconv.Itoa(maxSessionBytes) + " THEN session_data ELSE '' END, expire_date FROM " + table.Sanitize() + " WHERE session_key = $1"
	return &Sessions{db, make(share, conns), sql, c.SessionTimeout}, nil
}

// SessionData returns the columns session_data and expire_date of a session,
// which may have expired. found is false if there is no such session. Errors
// wrap ErrTimeout or ErrUnavailable if the database did not answer.
func (s *Sessions) SessionData(ctx context.Context, key string) (data string, expires time.Time, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var expiry pgtype.Timestamptz
	err = s.read(ctx, key, &data, &expiry)
	switch {
	case err == nil:
		return data, expiryTime(expiry), true, nil
	case errors.Is(err, pgx.ErrNoRows):
		return "", time.Time{}, false, nil
	}
	return "", time.Time{}, false, s.db.redact(fmt.Errorf("reading a session: %w", queryError(ctx, err)))
}

func (s *Sessions) read(ctx context.Context, key string, columns ...any) error {
	conn, release, err := s.share.acquire(ctx, s.db.pool)
	if err != nil {
		return err
	}
	defer release()
	// pgx prepares the statement once per connection.
	return conn.QueryRow(ctx, s.sql, key).Scan(columns...)
}

// expiryTime converts t: infinity becomes the end of the year 9999, null and
// -infinity the zero time.
func expiryTime(t pgtype.Timestamptz) time.Time {
	if t.InfinityModifier == pgtype.Infinity {
		return time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)
	}
	return t.Time
}
