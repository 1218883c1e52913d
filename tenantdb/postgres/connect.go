package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	connectTimeout = 5 * time.Second // unless the connection string has one
	application    = "tenantedge"
)

// dsn is a parsed connection string; it knows its password, so that no error
// tells it on.
type dsn struct {
	config *pgxpool.Config
	secret string
}

// parseDSN reads a URL or key=value string. Errors never quote it.
func parseDSN(s string) (dsn, error) {
	c, err := pgxpool.ParseConfig(s)
	if err != nil {
		// pgx hides passwords where it can parse the string; where it cannot,
		// anything may be the password.
		return dsn{}, errors.New("postgres: the connection string cannot be read: expected postgres://user@host/database or key=value pairs; its text is not shown, as it may have a password in it")
	}
	if c.ConnConfig.ConnectTimeout == 0 {
		c.ConnConfig.ConnectTimeout = connectTimeout
	}
	if c.ConnConfig.RuntimeParams["application_name"] == "" {
		c.ConnConfig.RuntimeParams["application_name"] = application
	}
	return dsn{c, c.ConnConfig.Password}, nil
}

func (d dsn) pool(most int32) (*pgxpool.Pool, error) {
	c := d.config.Copy()
	if most > 0 {
		c.MaxConns = most
	}
	c.MinConns = 0
	p, err := pgxpool.NewWithConfig(context.Background(), c) // connects when it is first used
	return p, d.clean(err)
}

func (d dsn) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, d.config.ConnConfig.Copy())
	return conn, d.clean(err)
}

// clean returns err in one line, without the password; it unwraps to err.
func (d dsn) clean(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if d.secret != "" {
		text = strings.ReplaceAll(text, d.secret, "[password]")
	}
	return &cleanError{"postgres: " + strings.TrimPrefix(oneLine(text), "postgres: "), err}
}

// oneLine joins the lines of an error, each once: pgx tries an address with and
// without TLS, and reports both in lines of their own.
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

type cleanError struct {
	text string
	err  error
}

func (e *cleanError) Error() string { return e.text }

// Is and As look into the cause, which is itself not handed out: its text may
// hold the password.
func (e *cleanError) Is(target error) bool { return errors.Is(e.err, target) }
func (e *cleanError) As(target any) bool   { return errors.As(e.err, target) }

// Format keeps %+v and %#v from showing the cause.
func (e *cleanError) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(e.text)) }
