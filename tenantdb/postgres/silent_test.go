package postgres

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// greet accepts a client and then never answers, like a server whose machine has
// failed without closing the connection.
func greet(conn net.Conn) {
	defer conn.Close()
	b := pgproto3.NewBackend(conn, conn)
	_, err := b.ReceiveStartupMessage() // or a request to cancel, which needs no answer
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	for err = errors.Join(err, b.Flush()); err == nil; {
		_, err = b.Receive()
	}
}

// silentSource returns a source whose database accepts connections and never answers.
func silentSource(t *testing.T) *Source {
	t.Helper()
	var servers sync.WaitGroup
	t.Cleanup(servers.Wait) // until the client has closed all connections
	pool := pipePool(t, func(context.Context, string, string) (net.Conn, error) {
		// In fake time a connection takes no time unless it sleeps. pgx relies on a
		// cancel request taking some: otherwise the end of the query may clear the
		// deadline that closing the connection has just set.
		time.Sleep(time.Millisecond)
		here, there := net.Pipe()
		servers.Go(func() { greet(there) })
		return here, nil
	})
	t.Cleanup(pool.Close)
	db, err := Open(Config{Pool: pool})
	if err != nil {
		t.Fatal(err)
	}
	return db.Source
}

func TestADatabaseThatStopsRespondingTimesOut(t *testing.T) {
	// longest is fake time, longer than all timeouts.
	const longest = time.Hour
	within := func(t *testing.T, do func(context.Context) error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), longest)
		defer cancel()
		if err := do(ctx); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			t.Errorf("it ends with %v, and the context with %v", err, ctx.Err())
		}
	}
	t.Run("when it is connected to", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			within(t, func(ctx context.Context) error {
				return silentSource(t).Load(ctx, tenantdb.NewDirectory(tenantdb.Options{Logger: slog.New(slog.DiscardHandler)}))
			})
		})
	})
	t.Run("when its tables are to be read again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := silentSource(t)
			conn, err := s.db.connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			f := &follower{source: s, dir: tenantdb.NewDirectory(tenantdb.Options{}), conn: conn}
			defer f.close()
			within(t, f.reload)
		})
	})
}

func TestWaitingWithoutASavedStateIsLogged_G4(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := silentSource(t)
		var log bytes.Buffer
		s.logger = slog.New(slog.NewTextHandler(&log, nil))
		err := s.Load(t.Context(), tenantdb.NewDirectory(tenantdb.Options{}))
		synctest.Wait()
		if err == nil || !strings.Contains(log.String(), "waiting for the database to answer") {
			t.Errorf("%v, logged %q", err, &log)
		}
	})
}
