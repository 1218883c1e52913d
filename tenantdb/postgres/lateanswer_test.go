package postgres

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"
)

// answering is a server that answers every statement with one row, and then calls
// answered.
func answering(conn net.Conn, answered func()) {
	defer conn.Close()
	b := pgproto3.NewBackend(conn, conn)
	_, err := b.ReceiveStartupMessage() // or a request to cancel, which needs no answer
	b.Send(&pgproto3.AuthenticationOk{})
	for status := byte('I'); err == nil; {
		b.Send(&pgproto3.ReadyForQuery{TxStatus: status})
		if err = b.Flush(); err != nil {
			return
		}
		if status == 'T' {
			answered()
		}
		status, err = answer(b)
	}
}

// answer answers one query, simple or extended.
func answer(b *pgproto3.Backend) (status byte, err error) {
	for {
		m, err := b.Receive()
		if err != nil {
			return 0, err
		}
		switch m.(type) {
		case *pgproto3.Query:
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("BEGIN")})
			return 'I', nil
		case *pgproto3.Sync:
			b.Send(&pgproto3.ParseComplete{})
			b.Send(&pgproto3.BindComplete{})
			b.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("row_to_json"), DataTypeOID: 25, DataTypeSize: -1, TypeModifier: -1}}})
			b.Send(&pgproto3.DataRow{Values: [][]byte{[]byte(`{"user_id":7}`)}})
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
			return 'T', nil
		}
	}
}

// If the deadline comes with the answer, the result is the complete answer or an
// error, and never an answer without a row.
func TestAnAnswerAtTheDeadlineIsCompleteOrAnError(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) { // fake time: closing a connection takes 15 s
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			q := queriesOf(t, cancel)
			answer, err := q.Query(ctx, "t1", "member", nil)
			if err == nil && string(answer) != `[{"user_id":7}]` {
				t.Errorf("answered %q", answer)
			}
		})
	}
}

// queriesOf returns Queries whose server calls answered after each answer.
func queriesOf(t *testing.T, answered func()) *Queries {
	t.Helper()
	var servers sync.WaitGroup
	over, end := context.WithCancel(context.Background())
	pool := pipePool(t, func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		context.AfterFunc(over, func() { there.Close() })
		servers.Go(func() { answering(there, answered) })
		return here, nil
	})
	db, err := Open(Config{
		Pool:       pool,
		Statements: []Statement{{Name: "member", SQL: "SELECT 7 AS user_id", Timeout: time.Minute}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end() // closes also the connections of cancel requests, which wait for that
		pool.Close()
		servers.Wait()
	})
	return db.Queries
}

// pipePool returns a pool of one connection, which dial makes.
func pipePool(t *testing.T, dial pgconn.DialFunc) *pgxpool.Pool {
	t.Helper()
	c, err := pgxpool.ParseConfig("postgres://edge@127.0.0.1/db?sslmode=disable&pool_max_conns=1&connect_timeout=5")
	if err != nil {
		t.Fatal(err)
	}
	c.MinConns, c.ConnConfig.DialFunc = 0, dial
	p, err := pgxpool.NewWithConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
