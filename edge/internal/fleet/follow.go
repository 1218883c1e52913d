package fleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// Observer is told what Follow finds.
type Observer struct {
	// Changed gets the newest rollout, at first and whenever another one is the newest.
	// Its ID is 0 if there is none.
	Changed func(Rollout)
	// Found is called after the first successful read of each connection.
	Found func()
	// Lost is called after the connection was lost or could not be made. Follow tries
	// again after a pause.
	Lost func(err error, retry time.Duration)
}

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 10 * time.Second
	// settle bounds how often notifications make a follower read.
	settle = 5 * time.Millisecond
)

// Follow follows the rollouts by notification until ctx ends. It also reads them
// every poll, since a notification may be lost.
func (s *Store) Follow(ctx context.Context, poll time.Duration, o Observer) {
	wait := firstRetry
	var last *Rollout
	for ctx.Err() == nil {
		first := true
		err := s.followOnce(ctx, poll, func(r Rollout) {
			if wait = firstRetry; first {
				first = false
				o.Found()
			}
			if last == nil || !same(last, &r) {
				last = &r
				o.Changed(r)
			}
		})
		if ctx.Err() != nil {
			return
		}
		// The pause is random, so that nodes that lost one database do not reconnect all
		// at once.
		pause := wait/2 + rand.N(wait/2+1)
		o.Lost(s.redact(err), pause)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		wait = min(2*wait, lastRetry)
	}
}

// same reports whether two rows are the same one. A database that was restored has
// other rows with the same numbers.
func same(a, b *Rollout) bool {
	return a.ID == b.ID && a.At.Equal(b.At) && a.Action == b.Action && a.Current == b.Current && a.Candidate == b.Candidate
}

// followOnce follows with one connection, until it fails.
func (s *Store) followOnce(ctx context.Context, poll time.Duration, newest func(Rollout)) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(closing) // the connection is discarded anyway
	}()
	listening, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	// In the other order, a rollout between reading and listening would be missed.
	if _, err := conn.Exec(listening, "LISTEN "+channel); err != nil {
		return fmt.Errorf("listening for rollouts: %w", err)
	}
	for {
		r, err := s.newest(ctx, conn)
		if err != nil {
			return fmt.Errorf("reading rollouts: %w", err)
		}
		newest(r)
		if err := s.wait(ctx, conn, poll); err != nil {
			return err
		}
	}
}

// wait waits for notifications of this fleet, at most until it is time to poll.
func (s *Store) wait(ctx context.Context, conn *pgx.Conn, poll time.Duration) error {
	until, cancel := context.WithTimeout(ctx, poll)
	defer cancel()
	for {
		n, err := conn.WaitForNotification(until)
		if err != nil {
			if until.Err() != nil && ctx.Err() == nil && !conn.IsClosed() {
				return nil
			}
			return err
		}
		if n.Payload == s.fleet {
			break
		}
	}
	// One read is enough for all notifications that arrive meanwhile.
	settled, end := context.WithTimeout(ctx, settle)
	defer end()
	for settled.Err() == nil {
		if _, err := conn.WaitForNotification(settled); err != nil {
			break // a lost connection fails the next read
		}
	}
	return nil
}
