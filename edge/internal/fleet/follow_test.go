package fleet

import (
	"context"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

// followed follows a fleet until the test ends.
type followed struct {
	t       *testing.T
	changed chan Rollout
	lost    chan error
}

func follow(t *testing.T, s *Store, poll time.Duration) *followed {
	f := &followed{t, make(chan Rollout, 10_000), make(chan error, 10_000)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Follow(ctx, poll, Observer{Changed: func(r Rollout) { f.changed <- r }, Found: func() {}, Lost: func(err error, _ time.Duration) { f.lost <- err }})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return f
}

// until waits for a rollout.
func (f *followed) until(id int64) {
	f.t.Helper()
	late := time.After(patience)
	for {
		select {
		case r := <-f.changed:
			if r.ID == id {
				return
			}
		case <-late:
			f.t.Fatalf("rollout %d is not seen", id)
		}
	}
}

func append1(t *testing.T, s *Store, id int64) {
	t.Helper()
	if err := s.Append(t.Context(), Rollout{ID: id, Action: ActionRollout, Current: Ref{Digest: digestOf(int(id))}, Who: "test"}); err != nil {
		t.Fatal(err)
	}
}

// Rollouts are seen by notification, and without one by polling; neither a killed
// backend nor a restart of the server loses one.
func TestRolloutsAreFollowed(t *testing.T) {
	server := pgtest.StartOwn(t)
	s := open(t, server.NewDB(t), "test")
	if _, err := s.Install(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	notified, polled := follow(t, s, time.Hour), follow(t, s, 20*time.Millisecond)
	both := func(id int64) { t.Helper(); notified.until(id); polled.until(id) }
	both(0)
	append1(t, s, 1)
	both(1)

	conn := connected(t, s)
	exec(t, conn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT id, left(action%' AND pid <> pg_backend_pid()")
	<-notified.lost
	append1(t, s, 2)
	both(2)

	exec(t, conn, "ALTER TABLE tenantedge_rollout DISABLE TRIGGER tenantedge_notify")
	append1(t, s, 3)
	polled.until(3)
	exec(t, conn, "ALTER TABLE tenantedge_rollout ENABLE TRIGGER tenantedge_notify")
	append1(t, s, 4)
	both(4)

	server.Kill(t)
	<-notified.lost
	server.Restart(t)
	_ = s.Close() // its connections are broken
	s = open(t, s.pool.Config().ConnString(), "test")
	append1(t, s, 5)
	both(5)
}

// Notifications that mean nothing neither stop a follower nor make it read each time.
func TestAFloodOfNotificationsIsSurvived(t *testing.T) {
	s, conn := opened(t)
	exec(t, conn, "INSERT INTO tenantedge_rollout (fleet, id, action, current_digest, who) SELECT 'test', n, 'rollout', '', 'test' FROM generate_series(1, 5000) n")
	f := follow(t, s, time.Hour)
	f.until(5000)
	for range 20 {
		exec(t, conn, "SELECT pg_notify('tenantedge_fleet', p || CASE WHEN n % 2 = 0 THEN '' ELSE n::text END) FROM generate_series(1, 5000) n, (VALUES ('test'), ('garbage'), ('')) AS x(p)")
	}
	append1(t, s, 5001)
	f.until(5001)
	if all, err := s.History(t.Context(), 20); err != nil || len(all) != 20 {
		t.Errorf("%d of 5,001 rollouts, %v", len(all), err)
	}
}

// A follower that finds no tables says so, and sees them when they are there.
func TestAFleetIsInstalledLater(t *testing.T) {
	s := open(t, pgtest.Start(t).NewDB(t), "test")
	f := follow(t, s, time.Hour)
	if err := <-f.lost; err == nil {
		t.Error("nothing is missing")
	}
	if _, err := s.Install(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	f.until(0)
}
