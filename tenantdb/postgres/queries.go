package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// Statement is a query that guests may run by its name.
type Statement struct {
	Name string
	// SQL is one SELECT, WITH or VALUES with the arguments as $1, $2, …. It
	// runs as a subquery, where Postgres accepts nothing else.
	SQL string
	// Public statements run by QueryPublic only, with the search_path public:
	// they are for requests whose tenant is not known yet.
	Public   bool
	Timeout  time.Duration // default 1 s, including the wait for a connection
	MaxRows  int           // default 1,000
	MaxBytes int           // of the answer's JSON; default 1 MiB
}

// Queries runs named read-only statements in a tenant's search_path.
type Queries struct {
	db         *DB
	share      share
	statements map[string]Statement
	path       string // ", public": the search_path after the tenant's schema
	known      func(schema string) bool
}

func newQueries(db *DB, c Config, conns int32) (*Queries, error) {
	q := &Queries{db: db, share: make(share, conns), statements: make(map[string]Statement, len(c.Statements)), known: c.KnownSchema}
	if c.SearchPath == nil {
		c.SearchPath = []string{defaultSchema}
	}
	for _, schema := range c.SearchPath {
		if schema == "" || strings.ContainsRune(schema, 0) {
			return nil, fmt.Errorf("postgres: search path: expected schema names, found %q", schema)
		}
		q.path += ", " + pgx.Identifier{schema}.Sanitize()
	}
	for _, s := range c.Statements {
		if s.Name == "" || strings.TrimSpace(s.SQL) == "" {
			return nil, fmt.Errorf("postgres: statement %q: expected a name and SQL", s.Name)
		}
		if _, twice := q.statements[s.Name]; twice {
			return nil, fmt.Errorf("postgres: statement %q: expected each name once, found two statements of this name", s.Name)
		}
		q.statements[s.Name] = s.withDefaults()
	}
	return q, nil
}

func (s Statement) withDefaults() Statement {
	if s.Timeout <= 0 {
		s.Timeout = time.Second
	}
	if s.MaxRows <= 0 {
		s.MaxRows = 1000
	}
	if s.MaxBytes <= 0 {
		s.MaxBytes = 1 << 20
	}
	// Postgres accepts only a SELECT as a subquery, and there none that writes
	// in a WITH. The line break ends a comment in the SQL.
	s.SQL = "SELECT row_to_json(q)::text FROM (" + strings.TrimRight(s.SQL, "; \t\r\n") + "\n) q LIMIT " + strconv.Itoa(s.MaxRows+1)
	return s
}

// Query runs a statement in the search_path of schema. args is a JSON array of
// the statement's arguments, or empty: Postgres gets strings, numbers and
// booleans as they are, arrays and objects as JSON text. The answer is a JSON
// array with one object per row.
//
// Errors wrap ErrNotFound (no such statement), ErrSchema (not a tenant's schema,
// or the statement is Public), ErrInvalid (arguments), ErrLimit, ErrTimeout or
// ErrUnavailable.
func (q *Queries) Query(ctx context.Context, schema, name string, args json.RawMessage) (json.RawMessage, error) {
	s, err := q.statement(name)
	switch {
	case err != nil:
		return nil, err
	case s.Public:
		return nil, fmt.Errorf("postgres: statement %q: %w: it is configured with schema public, without access to a tenant's tables; run it without a schema", name, ErrSchema)
	case tenantdb.CheckSchema(schema) != nil || q.known != nil && !q.known(schema):
		return nil, fmt.Errorf("postgres: statement %q: %w: expected the schema of a tenant, found %q", name, ErrSchema, schema)
	}
	return q.answer(ctx, pgx.Identifier{schema}.Sanitize()+q.path, s, args)
}

// QueryPublic runs a Public statement as Query does, with the search_path
// public. For other statements the error wraps ErrSchema.
func (q *Queries) QueryPublic(ctx context.Context, name string, args json.RawMessage) (json.RawMessage, error) {
	s, err := q.statement(name)
	switch {
	case err != nil:
		return nil, err
	case !s.Public:
		return nil, fmt.Errorf("postgres: statement %q: %w: expected the schema of a tenant, found none; configure the statement with schema public to run it before the tenant is known", name, ErrSchema)
	}
	return q.answer(ctx, defaultSchema, s, args)
}

// Ping checks that the database accepts connections, with one that it makes for that:
// slow statements may use all others. An answer that refuses the connection is an answer,
// unless the server starts or shuts down.
func (q *Queries) Ping(ctx context.Context) error {
	conn, err := q.db.connect(ctx)
	if err == nil {
		return q.db.redact(conn.Close(ctx))
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && !strings.HasPrefix(pg.Code, "57P") {
		return nil
	}
	return q.db.redact(fmt.Errorf("%w: %w", ErrUnavailable, err))
}

func (q *Queries) statement(name string) (Statement, error) {
	s, found := q.statements[name]
	if !found {
		return s, fmt.Errorf("postgres: statement %q: %w in the configuration", name, ErrNotFound)
	}
	return s, nil
}

// answer runs a statement. path is a search_path of quoted names.
func (q *Queries) answer(ctx context.Context, path string, s Statement, args json.RawMessage) (json.RawMessage, error) {
	values, err := arguments(args)
	if err != nil {
		return nil, fmt.Errorf("postgres: statement %q: %w", s.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	answer, err := q.run(ctx, path, s, values)
	if err != nil {
		return nil, q.db.redact(fmt.Errorf("statement %q: %w", s.Name, queryError(ctx, err)))
	}
	return answer, nil
}

func (q *Queries) run(ctx context.Context, path string, s Statement, values [][]byte) (answer json.RawMessage, err error) {
	pooled, release, err := q.share.acquire(ctx, q.db.pool)
	if err != nil {
		return nil, err
	}
	defer release()
	conn := pooled.Conn().PgConn()
	begin := "BEGIN READ ONLY; SET LOCAL search_path = " + path + "; SET LOCAL statement_timeout = " + strconv.FormatInt(max(1, s.Timeout.Milliseconds()), 10)
	if _, err := conn.Exec(ctx, begin).ReadAll(); err != nil {
		return nil, err
	}
	// The extended protocol of ExecParams takes exactly one statement.
	answer, err = collect(conn.ExecParams(ctx, s.SQL, values, nil, nil, nil), s)
	if ctx.Err() != nil || conn.IsClosed() {
		return answer, err // complete, if the deadline came just after it
	}
	if errors.Is(err, ErrLimit) {
		// A new connection is cheaper than reading a large answer to its end.
		return nil, errors.Join(err, pooled.Conn().Close(ctx))
	}
	_, end := conn.Exec(ctx, "ROLLBACK").ReadAll()
	return answer, errors.Join(err, end)
}

// collect joins the rows, each of them a JSON object, into an array.
func collect(r *pgconn.ResultReader, s Statement) (json.RawMessage, error) {
	var b bytes.Buffer
	b.WriteByte('[')
	for n := 0; r.NextRow(); n++ {
		row := r.Values()[0]
		if n == s.MaxRows {
			return nil, fmt.Errorf("%w of %d rows", ErrLimit, s.MaxRows)
		}
		if b.Len()+len(row)+2 > s.MaxBytes {
			return nil, fmt.Errorf("%w of %d bytes", ErrLimit, s.MaxBytes)
		}
		if n > 0 {
			b.WriteByte(',')
		}
		b.Write(row)
	}
	if _, err := r.Close(); err != nil {
		return nil, err
	}
	b.WriteByte(']')
	return b.Bytes(), nil
}

// arguments converts a JSON array to parameters in text format.
func arguments(args json.RawMessage) ([][]byte, error) {
	if len(bytes.TrimSpace(args)) == 0 {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(args, &list); err != nil {
		return nil, fmt.Errorf("%w: expected the arguments as a JSON array: %w", ErrInvalid, err)
	}
	values := make([][]byte, len(list))
	for i, v := range list {
		switch v[0] {
		case 'n': // null stays nil
		case '"':
			var text string
			if err := json.Unmarshal(v, &text); err != nil {
				return nil, fmt.Errorf("%w: argument %d: %w", ErrInvalid, i+1, err)
			}
			values[i] = []byte(text)
		default:
			values[i] = v
		}
	}
	return values, nil
}
