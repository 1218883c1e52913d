package postgres_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb/postgres"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
	"github.com/tenantedge/tenantedge/tenantdb/sourcetest"
)

// queries returns Queries of statements that have a long timeout, unless they set
// one: the machine may be busy.
func queries(t testing.TB, dsn string, conns int32, statements ...postgres.Statement) *postgres.Queries {
	t.Helper()
	for i := range statements {
		statements[i].Timeout = cmp.Or(statements[i].Timeout, time.Minute)
	}
	return open(t, postgres.Config{
		DSN: dsn, Statements: statements, MaxConns: conns,
		KnownSchema: func(schema string) bool { return strings.HasPrefix(schema, "t") },
	}).Queries
}

const queryTables = `CREATE SCHEMA t1; CREATE SCHEMA "T2"; CREATE SCHEMA t2;
	CREATE TABLE t1.note (id int, text text); CREATE TABLE t2.note (id int, text text); CREATE TABLE public.shared (x int);
	INSERT INTO t1.note VALUES (1, 'one''s "😀"'), (2, NULL); INSERT INTO t2.note VALUES (1, 'two''s'); INSERT INTO public.shared VALUES (7)`

func TestNamedStatements(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	exec(t, dsn, queryTables)
	q := queries(t, dsn, 2,
		postgres.Statement{Name: "notes", SQL: "SELECT id, text FROM note ORDER BY id; "},
		postgres.Statement{Name: "by_id", SQL: "SELECT text FROM note WHERE id = $1 -- the one"},
		postgres.Statement{Name: "shared", SQL: "TABLE shared"},
		postgres.Statement{Name: "types", SQL: `SELECT $1::int AS n, $2::text AS s, $3::bool AS b, $4::text AS "null", $5::json AS j, $6::numeric AS d`},
		postgres.Statement{Name: "ambiguous", SQL: "SELECT $1 AS x"},
		postgres.Statement{Name: "slow", SQL: "SELECT pg_sleep(60)::text", Timeout: 50 * time.Millisecond},
		postgres.Statement{Name: "many", SQL: "SELECT generate_series(1, 11) AS n", MaxRows: 10},
		postgres.Statement{Name: "ten", SQL: "SELECT generate_series(1, 10) AS n", MaxRows: 10},
		postgres.Statement{Name: "large", SQL: "SELECT repeat('x', 200) AS x", MaxBytes: 100},
		postgres.Statement{Name: "broken", SQL: "SELECT nothing FROM nowhere"},
	)
	for _, c := range []struct {
		name, schema, statement, args, want string
		err                                 error
	}{
		{"rows become objects", "t1", "notes", "", `[{"id":1,"text":"one's \"😀\""},{"id":2,"text":null}]`, nil},
		{"another tenant has other rows", "t2", "notes", "[]", `[{"id":1,"text":"two's"}]`, nil},
		{"an argument", "t1", "by_id", "[1]", `[{"text":"one's \"😀\""}]`, nil},
		{"no row is an empty array", "t1", "by_id", `["99"]`, `[]`, nil},
		{"an argument is never SQL", "t1", "by_id", `["1 OR true"]`, "", postgres.ErrInvalid},
		{"public comes after the tenant's schema", "t1", "shared", "", `[{"x":7}]`, nil},
		{"all kinds of arguments", "t1", "types", `[1,"a\ud83d\ude00",true,null,{"k":[1]},12345678901234567890.5]`,
			`[{"n":1,"s":"a😀","b":true,"null":null,"j":{"k":[1]},"d":12345678901234567890.5}]`, nil},
		{"an argument of no certain type is text", "t1", "ambiguous", `["x"]`, `[{"x":"x"}]`, nil},
		{"too few arguments", "t1", "by_id", "[]", "", postgres.ErrInvalid},
		{"too many arguments", "t1", "by_id", "[1,2]", "", postgres.ErrInvalid},
		{"an argument of another type", "t1", "by_id", `[{"a":1}]`, "", postgres.ErrInvalid},
		{"a text with a NUL", "t1", "by_id", `["\u0000"]`, "", postgres.ErrInvalid},
		{"arguments that are no array", "t1", "by_id", `{"id":1}`, "", postgres.ErrInvalid},
		{"arguments that are no JSON", "t1", "by_id", `[1`, "", postgres.ErrInvalid},
		{"an unknown statement", "t1", "nope", "", "", postgres.ErrNotFound},
		{"an unknown schema", "other", "notes", "", "", postgres.ErrSchema},
		{"a schema that is no name", `t1", public; --`, "notes", "", "", postgres.ErrSchema},
		{"the public schema", "public", "notes", "", "", postgres.ErrSchema},
		{"a statement that takes too long", "t1", "slow", "", "", postgres.ErrTimeout},
		{"too many rows", "t1", "many", "", "", postgres.ErrLimit},
		{"as many rows as are allowed", "t1", "ten", "", `[{"n":1},{"n":2},{"n":3},{"n":4},{"n":5},{"n":6},{"n":7},{"n":8},{"n":9},{"n":10}]`, nil},
		{"too many bytes", "t1", "large", "", "", postgres.ErrLimit},
		{"a tenant without the table", "tnone", "notes", "", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := q.Query(t.Context(), c.schema, c.statement, json.RawMessage(c.args))
			if string(got) != c.want || c.err != nil && !errors.Is(err, c.err) || c.want != "" && err != nil || c.want == "" && err == nil {
				t.Errorf("got %s, %v; want %s, %v", got, err, c.want, c.err)
			}
		})
	}
	t.Run("after all of these the connections are clean", func(t *testing.T) {
		for range 5 {
			if got, err := q.Query(t.Context(), "t2", "notes", nil); string(got) != `[{"id":1,"text":"two's"}]` {
				t.Errorf("got %s, %v", got, err)
			}
		}
	})
}

// A public statement sees no tenant's tables, whatever the connection has run
// before, and only public statements run without a tenant.
func TestAPublicStatementSeesNoTenant_D8(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	exec(t, dsn, queryTables, "CREATE TABLE public.note (id int, text text); INSERT INTO public.note VALUES (1, 'public''s')")
	const note = "SELECT text FROM note WHERE id = $1"
	q := queries(t, dsn, 1,
		postgres.Statement{Name: "own", SQL: note},
		postgres.Statement{Name: "public", SQL: note, Public: true},
		postgres.Statement{Name: "where", SQL: "SELECT current_setting('search_path') AS path, current_setting('transaction_read_only') AS ro", Public: true},
		postgres.Statement{Name: "moved", SQL: "SELECT set_config('search_path', 't1', false) AS path", Public: true},
	)
	const unknownSchema = "expected the schema of a tenant, found \""
	for _, c := range []struct {
		schema, statement, args, want string // without a schema: QueryPublic
		err                           error
	}{
		{"t1", "own", "[1]", `[{"text":"one's \"😀\""}]`, nil},
		{"", "public", "[1]", `[{"text":"public's"}]`, nil},
		{"", "where", "", `[{"path":"public","ro":"on"}]`, nil},
		{"", "moved", "", `[{"path":"t1"}]`, nil},
		{"", "public", "[1]", `[{"text":"public's"}]`, nil},
		{"", "where", "", `[{"path":"public","ro":"on"}]`, nil},
		{"", "own", "[1]", "", postgres.ErrSchema},
		{"t1", "public", "[1]", "", postgres.ErrSchema},
		{"public", "public", "[1]", "", postgres.ErrSchema},
		{"", "nope", "", "", postgres.ErrNotFound},
		{"", "public", `["x"]`, "", postgres.ErrInvalid},
	} {
		var got json.RawMessage
		var err error
		if c.schema == "" {
			got, err = q.QueryPublic(t.Context(), c.statement, json.RawMessage(c.args))
		} else {
			got, err = q.Query(t.Context(), c.schema, c.statement, json.RawMessage(c.args))
		}
		if string(got) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s in %q: got %s, %v; want %s, %v", c.statement, c.schema, got, err, c.want, c.err)
		}
		if err != nil && strings.Contains(err.Error(), unknownSchema) {
			t.Errorf("%s in %q: got %v, want an error about the statement", c.statement, c.schema, err)
		}
	}
	if _, err := q.Query(t.Context(), "", "own", nil); !errors.Is(err, postgres.ErrSchema) || !strings.Contains(err.Error(), unknownSchema) {
		t.Errorf("a tenant's statement without a schema: %v", err)
	}
}

// No statement can write, or change the search_path of the next one.
func TestNoStatementExceedsItsLimits(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	exec(t, dsn, queryTables, `CREATE FUNCTION public.writes() RETURNS int LANGUAGE plpgsql AS
		$$ BEGIN INSERT INTO public.shared VALUES (666); RETURN 1; END $$`,
		`CREATE PROCEDURE public.commits() LANGUAGE plpgsql AS $$ BEGIN COMMIT; INSERT INTO public.shared VALUES (666); END $$`,
		`CREATE SEQUENCE public.seq`)
	for _, sql := range []string{
		"INSERT INTO shared VALUES (666)",
		"WITH w AS (INSERT INTO shared VALUES (666) RETURNING x) SELECT * FROM w",
		"WITH w AS (DELETE FROM shared RETURNING x) SELECT * FROM w",
		"SELECT writes()",
		"SELECT nextval('seq')",
		"CALL commits()",
		"DO $$ BEGIN COMMIT; INSERT INTO public.shared VALUES (666); END $$",
		"COMMIT",
		"COMMIT; INSERT INTO shared VALUES (666)",
		"SELECT 1; INSERT INTO shared VALUES (666)",
		"SELECT 1) q; INSERT INTO shared VALUES (666); SELECT row_to_json(q) FROM (SELECT 1",
		"SET search_path = t1",
		"SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
		"SET TRANSACTION READ WRITE",
		"RESET ALL",
		"BEGIN READ WRITE",
		"PREPARE p AS SELECT 1",
		"COPY shared FROM STDIN",
		"COPY shared TO STDOUT",
		"SELECT * FROM shared FOR UPDATE",
		"SELECT set_config('transaction_read_only', 'off', true), writes()",
		"SELECT set_config('transaction_read_only', 'off', false), writes()",
		"SELECT set_config('default_transaction_read_only', 'off', false), writes()",
		"SELECT set_config('search_path', 't1', false)",
		"SELECT set_config('statement_timeout', '0', false)",
		"SELECT 1 INTO t2.made",
	} {
		t.Run(sql, func(t *testing.T) {
			q := queries(t, dsn, 1, postgres.Statement{Name: "bad", SQL: sql}, postgres.Statement{Name: "where",
				SQL: "SELECT current_setting('search_path') AS path, current_setting('transaction_read_only') AS ro, current_setting('statement_timeout') AS timeout"})
			for range 2 {
				_, err := q.Query(t.Context(), "t2", "bad", nil)
				if err == nil && !strings.HasPrefix(sql, "SELECT set_config('s") {
					t.Error("it ran")
				}
				got, err := q.Query(t.Context(), "t2", "where", nil)
				if want := `[{"path":"t2, public","ro":"on","timeout":"1min"}]`; string(got) != want {
					t.Errorf("the next one found %s, %v", got, err)
				}
			}
			if got := query(t, dsn, "SELECT string_agg(x::text, ',') || (SELECT is_called FROM seq) || coalesce(to_regclass('t2.made')::text, '') FROM shared"); got[0] != "7false" {
				t.Errorf("something was written: %v", got)
			}
		})
	}
}

func TestConcurrentStatementsOfTenantsAreSeparate(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	var sql strings.Builder
	for i := range 8 {
		fmt.Fprintf(&sql, "CREATE SCHEMA t%d; CREATE TABLE t%d.own AS SELECT 't%d' AS name;", i, i, i)
	}
	exec(t, dsn, sql.String())
	q := queries(t, dsn, 3, postgres.Statement{Name: "own", SQL: "SELECT name FROM own"})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			schema := fmt.Sprintf("t%d", i)
			for range 50 {
				got, err := q.Query(t.Context(), schema, "own", nil)
				if want := `[{"name":"` + schema + `"}]`; string(got) != want {
					t.Errorf("got %s, %v; want %s", got, err, want)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestAStatementWithoutADatabaseIsUnavailable(t *testing.T) {
	server := pgtest.StartOwn(t)
	dsn := server.NewDB(t)
	q := queries(t, dsn, 1, postgres.Statement{Name: "one", SQL: "SELECT 1 AS x"})
	if _, err := q.Query(t.Context(), "t1", "one", nil); err != nil {
		t.Fatal(err)
	}
	server.Kill(t)
	for range 2 {
		if _, err := q.Query(t.Context(), "t1", "one", nil); !errors.Is(err, postgres.ErrUnavailable) {
			t.Errorf("error: %v", err)
		}
	}
	server.Restart(t)
	sourcetest.Eventually(t, "an answer", func() bool {
		_, err := q.Query(t.Context(), "t1", "one", nil)
		return err == nil
	})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.Query(ended, "t1", "one", nil); err == nil {
		t.Error("an ended context gave an answer")
	}
}

func TestStatementsThatAreNotValidAreRefused(t *testing.T) {
	for _, list := range [][]postgres.Statement{
		{{Name: "", SQL: "SELECT 1"}},
		{{Name: "a", SQL: "  "}},
		{{Name: "a", SQL: "SELECT 1"}, {Name: "a", SQL: "SELECT 2"}},
	} {
		if _, err := postgres.Open(postgres.Config{Statements: list}); err == nil {
			t.Errorf("accepted: %v", list)
		}
	}
	if _, err := postgres.Open(postgres.Config{SearchPath: []string{""}}); err == nil {
		t.Error("accepted an empty schema in the search path")
	}
}

func FuzzQueryArguments(f *testing.F) {
	q := queries(f, "host=127.0.0.1 port=1 connect_timeout=1", 1, postgres.Statement{Name: "one", SQL: "SELECT 1"})
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	f.Add([]byte(`[1,"a",null,true,{},[]]`))
	f.Add([]byte(`[`))
	f.Add([]byte(` [ ] `))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, args []byte) {
		if _, err := q.Query(ended, "t1", "one", args); err == nil {
			t.Error("an answer from nowhere")
		}
	})
}

func TestSessions(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	exec(t, dsn, `CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL)`,
		`INSERT INTO django_session VALUES ('abc', 'e30:sig', '2026-11-22T10:00:00Z')`)
	s := open(t, postgres.Config{DSN: dsn, SessionTable: "django_session", SessionTimeout: time.Minute}).Sessions
	for range 2 {
		data, expires, found, err := s.SessionData(t.Context(), "abc")
		if err != nil || !found || data != "e30:sig" || !expires.Equal(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)) {
			t.Errorf("got %q %v %v %v", data, expires, found, err)
		}
	}
	for _, key := range []string{"ABC", "", "' OR true --", strings.Repeat("x", 1000)} {
		if _, _, found, err := s.SessionData(t.Context(), key); found || err != nil {
			t.Errorf("%q: %v %v", key, found, err)
		}
	}
	if _, _, _, err := s.SessionData(t.Context(), "\x00"); err == nil {
		t.Error("a NUL is no key")
	}
	exec(t, dsn, "DROP TABLE django_session")
	if _, _, _, err := s.SessionData(t.Context(), "abc"); err == nil || errors.Is(err, postgres.ErrUnavailable) {
		t.Errorf("without the table: %v", err)
	}
}

func TestNoRowOfASessionIsAnErrorOrWithoutBound_G3(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	exec(t, dsn, `CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL)`,
		`INSERT INTO django_session VALUES ('never', 'e30:sig', 'infinity'), ('always', 'e30:sig', '-infinity'), ('large', repeat('x', 3000000), '2026-11-22T10:00:00Z')`)
	s := open(t, postgres.Config{DSN: dsn, SessionTable: "django_session", SessionTimeout: time.Minute}).Sessions
	for _, c := range []struct {
		key, data string
		valid     bool
	}{{"never", "e30:sig", true}, {"always", "e30:sig", false}, {"large", "", false}} {
		data, expires, found, err := s.SessionData(t.Context(), c.key)
		if err != nil || !found || data != c.data || expires.After(time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)) != c.valid {
			t.Errorf("%s: got %d bytes, until %v, %v, %v", c.key, len(data), expires, found, err)
		}
	}
}
