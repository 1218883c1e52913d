package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Errors to branch on.
var (
	ErrTables      = errors.New("the tables are not as expected")
	ErrNotFound    = errors.New("not found")
	ErrExists      = errors.New("already exists")
	ErrInvalid     = errors.New("not valid")
	ErrSchema      = errors.New("the statement cannot run in this schema")
	ErrLimit       = errors.New("the answer exceeds the statement's limit")
	ErrTimeout     = errors.New("timed out waiting for the answer")
	ErrUnavailable = errors.New("the database is unavailable")
)

var errNoConnection = errors.New("no connection")

// queryError wraps an error of a query in the error that callers branch on.
func queryError(ctx context.Context, err error) error {
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, ErrLimit):
		return err
	case errors.As(err, &pg):
		switch {
		case pg.Code == "57014": // query_canceled: by statement_timeout, or by our context
			return fmt.Errorf("%w: %w", ErrTimeout, err)
		case strings.HasPrefix(pg.Code, "22"): // data exception
			// The message quotes the argument, which may be a client's secret.
			return fmt.Errorf("%w: an argument does not fit its type (SQLSTATE %s)", ErrInvalid, pg.Code)
		case pg.Code == "08P01" || pg.Code == "42P18": // protocol_violation: a wrong number of arguments
			return fmt.Errorf("%w: the arguments do not fit the statement: %w", ErrInvalid, err)
		case strings.HasPrefix(pg.Code, "57P") || strings.HasPrefix(pg.Code, "53") || strings.HasPrefix(pg.Code, "08"):
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return err
	case ctx.Err() != nil && !errors.Is(err, errNoConnection):
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	case errors.Is(err, context.DeadlineExceeded):
		// All connections were in use until the deadline.
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// tableError wraps an error about missing tables, columns or privileges in
// ErrTables.
func tableError(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "42P01", "42703", "3F000", "42501": // no table, no column, no schema, no privilege
			return fmt.Errorf("%w: %w", ErrTables, err)
		}
	}
	return err
}

// redact returns err on one line, with the password replaced.
func (db *DB) redact(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if db.password != "" {
		text = strings.ReplaceAll(text, db.password, "[password]")
	}
	text = "postgres: " + strings.TrimPrefix(oneLine(text), "postgres: ")
	if refused := (*pgconn.ConnectError)(nil); errors.As(err, &refused) {
		text += "; expected a database that accepts connections: start it, or correct the connection string"
	}
	return &redactedError{text, err}
}

// oneLine joins the distinct lines of an error. pgx tries an address with and
// without TLS, and reports each attempt on its own line.
func oneLine(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if !slices.ContainsFunc(lines, func(before string) bool { return strings.Contains(before, line) }) {
			lines = append(lines, line)
		}
	}
	return strings.ReplaceAll(strings.Join(lines, "; "), ":; ", ": ")
}

// redactedError hides its cause, whose text may contain the password.
type redactedError struct {
	text  string
	cause error
}

func (e *redactedError) Error() string { return e.text }

// Is and As examine the cause. There is no Unwrap: it would hand out the cause.
func (e *redactedError) Is(target error) bool { return errors.Is(e.cause, target) }
func (e *redactedError) As(target any) bool   { return errors.As(e.cause, target) }

// Format keeps %+v and %#v from printing the cause.
func (e *redactedError) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(e.text)) }
