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
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// Statement is a query that guests may run by its name.
type Statement struct {
	Name string
	// SQL is one SELECT, WITH or VALUES with the arguments as $1, $2, …; it
	// runs as a subquery, so that nothing else is possible.
	SQL string
	// Public runs the statement in the schema public alone, by QueryPublic: it
	// is for questions before the tenant is known.
	Public   bool
	Timeout  time.Duration // default 1 s, waiting for a connection included
	MaxRows  int           // default 1,000
	MaxBytes int           // of the answer's JSON, default 1 MiB
}

// QueryOptions is what Queries are made of.
type QueryOptions struct {
	DSN        string
	Statements []Statement
	// SearchPath are the schemas behind the tenant's; nil: public.
	SearchPath []string
	// Known reports whether a schema is a tenant's: statements run in no other.
	// nil: every schema whose name a tenant may have.
	Known    func(schema string) bool
	MaxConns int32 // default 4
}

// Errors of Query to branch on.
var (
	ErrUnknownStatement = errors.New("no such statement in the configuration")
	ErrUnknownSchema    = errors.New("not the schema of a tenant")
	ErrOtherSchema      = errors.New("the statement runs in another schema")
	ErrArguments        = errors.New("the arguments do not fit the statement")
	ErrLimit            = errors.New("the answer is over the statement's limit")
	ErrTimeout          = errors.New("the time for it ran out")
	ErrUnavailable      = errors.New("the database is not there now")
)

// Queries runs named read-only statements in a tenant's search_path.
type Queries struct {
	dsn        dsn
	pool       *pgxpool.Pool
	statements map[string]Statement
	path       string // behind the tenant's schema
	known      func(string) bool
}

// NewQueries checks the options. It does not connect.
func NewQueries(o QueryOptions) (*Queries, error) {
	d, err := parseDSN(o.DSN)
	if err != nil {
		return nil, err
	}
	q := &Queries{dsn: d, statements: make(map[string]Statement, len(o.Statements)), known: o.Known}
	if o.SearchPath == nil {
		o.SearchPath = []string{defaultSchema}
	}
	for _, schema := range o.SearchPath {
		if schema == "" || strings.ContainsRune(schema, 0) {
			return nil, fmt.Errorf("postgres: search path: %q is no schema name", schema)
		}
		q.path += ", " + pgx.Identifier{schema}.Sanitize()
	}
	for _, s := range o.Statements {
		if s.Name == "" || strings.TrimSpace(s.SQL) == "" {
			return nil, fmt.Errorf("postgres: statement %q: expected a name and SQL", s.Name)
		}
		if _, twice := q.statements[s.Name]; twice {
			return nil, fmt.Errorf("postgres: statement %q: there are two of this name", s.Name)
		}
		q.statements[s.Name] = s.withDefaults()
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 4
	}
	if q.pool, err = d.pool(o.MaxConns); err != nil {
		return nil, err
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
	// As a subquery only a SELECT is grammatical, and one that writes in a WITH
	// is not allowed; the line break ends a comment.
	s.SQL = "SELECT row_to_json(q)::text FROM (" + strings.TrimRight(s.SQL, "; \t\r\n") + "\n) q LIMIT " + strconv.Itoa(s.MaxRows+1)
	return s
}

// Close ends the connections.
func (q *Queries) Close() error {
	q.pool.Close()
	return nil
}

// Query runs the statement called name with args, a JSON array (empty: none),
// in the search_path of schema, and returns a JSON array with an object for
// each row. Strings, numbers and booleans are given as they are, arrays and
// objects as their JSON text.
func (q *Queries) Query(ctx context.Context, schema, name string, args json.RawMessage) (json.RawMessage, error) {
	s, err := q.statement(name)
	switch {
	case err != nil:
		return nil, err
	case s.Public:
		return nil, fmt.Errorf("postgres: statement %q: %w: it is configured with schema public, which sees no tenant; ask without a schema", name, ErrOtherSchema)
	case tenantdb.CheckSchema(schema) != nil || q.known != nil && !q.known(schema):
		return nil, fmt.Errorf("postgres: statement %q in schema %q: %w", name, schema, ErrUnknownSchema)
	}
	return q.answer(ctx, pgx.Identifier{schema}.Sanitize()+q.path, s, args)
}

// QueryPublic runs the statement called name as Query does, but in the schema
// public alone. It runs no statement that is not Public.
func (q *Queries) QueryPublic(ctx context.Context, name string, args json.RawMessage) (json.RawMessage, error) {
	s, err := q.statement(name)
	switch {
	case err != nil:
		return nil, err
	case !s.Public:
		return nil, fmt.Errorf("postgres: statement %q: %w: expected the schema of a tenant, found none; to ask before the tenant is known configure the statement with schema public", name, ErrOtherSchema)
	}
	return q.answer(ctx, defaultSchema, s, args)
}

func (q *Queries) statement(name string) (Statement, error) {
	s, found := q.statements[name]
	if !found {
		return s, fmt.Errorf("postgres: statement %q: %w", name, ErrUnknownStatement)
	}
	return s, nil
}

// answer runs a statement with a search_path, in which all names are quoted.
func (q *Queries) answer(ctx context.Context, path string, s Statement, args json.RawMessage) (json.RawMessage, error) {
	values, err := arguments(args)
	if err != nil {
		return nil, fmt.Errorf("postgres: statement %q: %w", s.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	answer, err := q.run(ctx, path, s, values)
	if err != nil {
		return nil, q.dsn.clean(fmt.Errorf("statement %q: %w", s.Name, kind(ctx, err)))
	}
	return answer, nil
}

func (q *Queries) run(ctx context.Context, path string, s Statement, values [][]byte) (answer json.RawMessage, err error) {
	pooled, err := q.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoConnection, err)
	}
	defer pooled.Release() // one that is not idle then is closed, not used again
	conn := pooled.Conn().PgConn()
	begin := "BEGIN READ ONLY; SET LOCAL search_path = " + path + "; SET LOCAL statement_timeout = " + strconv.FormatInt(max(1, s.Timeout.Milliseconds()), 10)
	if _, err := conn.Exec(ctx, begin).ReadAll(); err != nil {
		return nil, err
	}
	// ExecParams is the extended protocol: it takes one statement alone.
	answer, err = collect(conn.ExecParams(ctx, s.SQL, values, nil, nil, nil), s)
	if ctx.Err() != nil || conn.IsClosed() {
		return answer, err // which is whole, if its time has only just ended
	}
	if errors.Is(err, ErrLimit) {
		// What is left of a large answer costs more than a new connection.
		return nil, errors.Join(err, pooled.Conn().Close(ctx))
	}
	_, end := conn.Exec(ctx, "ROLLBACK").ReadAll()
	return answer, errors.Join(err, end)
}

// collect joins the rows, each one JSON object, to an array.
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

// arguments turns a JSON array into parameters in text format.
func arguments(args json.RawMessage) ([][]byte, error) {
	if len(bytes.TrimSpace(args)) == 0 {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(args, &list); err != nil {
		return nil, fmt.Errorf("%w: expected a JSON array: %w", ErrArguments, err)
	}
	values := make([][]byte, len(list))
	for i, v := range list {
		switch v[0] {
		case 'n': // null stays nil
		case '"':
			var text string
			if err := json.Unmarshal(v, &text); err != nil {
				return nil, fmt.Errorf("%w: argument %d: %w", ErrArguments, i+1, err)
			}
			values[i] = []byte(text)
		default:
			values[i] = v
		}
	}
	return values, nil
}

var errNoConnection = errors.New("no connection")

// kind joins to err what a caller can branch on.
func kind(ctx context.Context, err error) error {
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, ErrLimit):
		return err
	case errors.As(err, &pg):
		switch {
		case pg.Code == "57014": // query_canceled: by statement_timeout, or by our context
			return fmt.Errorf("%w: %w", ErrTimeout, err)
		case strings.HasPrefix(pg.Code, "22"):
			// A value does not fit its type. The message quotes it, and the value
			// may be a client's secret.
			return fmt.Errorf("%w (SQLSTATE %s)", ErrArguments, pg.Code)
		case pg.Code == "08P01" || pg.Code == "42P18":
			// protocol_violation is a wrong number of parameters.
			return fmt.Errorf("%w: %w", ErrArguments, err)
		case strings.HasPrefix(pg.Code, "57P") || strings.HasPrefix(pg.Code, "53") || strings.HasPrefix(pg.Code, "08"):
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return err
	case ctx.Err() != nil && !errors.Is(err, errNoConnection):
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	case errors.Is(err, context.DeadlineExceeded):
		// All connections are taken: the caller's time ran out all the same.
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
