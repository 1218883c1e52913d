package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
)

// Ref names a guest. The zero value is the guest of each node's own configuration.
type Ref struct {
	Digest string `json:"digest"`           // SHA-256 in hexadecimal
	Source string `json:"source,omitempty"` // an oci:// reference; empty: the table
}

// Values of Rollout.Action.
const (
	ActionRollout  = "rollout"  // another guest runs
	ActionTrial    = "trial"    // a guest is tried beside the one that runs
	ActionPromote  = "promote"  // the guest that was tried runs
	ActionAbort    = "abort"    // the trial was ended
	ActionRollback = "rollback" // the guest before runs
	ActionLimit    = "limit"    // a node has ended the trial because of a limit
)

// Rollout is what a fleet shall run.
type Rollout struct {
	ID        int64           `json:"id"` // counted from 1 in each fleet
	Action    string          `json:"action"`
	Current   Ref             `json:"current"`
	Candidate Ref             `json:"candidate"`       // zero: none is tried
	Trial     json.RawMessage `json:"trial,omitempty"` // of the candidate; see ParseTrial
	Who       string          `json:"who"`             // as the client says
	Why       string          `json:"why,omitempty"`
	At        time.Time       `json:"at"`   // by the clock of the database
	Role      string          `json:"role"` // with which the client has logged in to the database
}

// ConflictError is the error of Append if another rollout came first.
type ConflictError struct{ Newest Rollout }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("expected rollout %d to be the newest one, found %s, which came first; nothing was changed: look at guest status, and repeat the command if it still applies",
		e.Newest.ID-1, e.Newest.Describe())
}

// Describe describes a rollout in a few words.
func (r *Rollout) Describe() string {
	s := fmt.Sprintf("rollout %d (%s by %s at %s", r.ID, r.Action, r.Who, r.At.UTC().Format(time.RFC3339))
	if r.Why != "" {
		s += ": " + r.Why
	}
	return s + ")"
}

// querier is a connection or a pool.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

const rolloutColumns = `SELECT id, left(action, 40), current_digest, left(current_source, 1000), candidate_digest, left(candidate_source, 1000),
	CASE WHEN octet_length(trial::text) <= 1048576 THEN trial::text ELSE '"too large"' END, left(who, 200), left(why, 1000), at, left(role, 200)
	FROM public.tenantedge_rollout WHERE fleet = $1 `

// Newest returns the newest rollout. Without any, its ID is 0: each node runs the
// guest of its configuration.
func (s *Store) Newest(ctx context.Context) (Rollout, error) {
	newest, err := s.newest(ctx, s.pool)
	return newest, s.redact(err)
}

// newest is like Newest, with a connection. It does not redact errors.
func (s *Store) newest(ctx context.Context, q querier) (Rollout, error) {
	all, err := s.rollouts(ctx, q, "ORDER BY id DESC LIMIT 1")
	if err != nil || len(all) == 0 {
		return Rollout{}, err
	}
	return all[0], nil
}

// History returns the newest rollouts, up to limit, the newest first.
func (s *Store) History(ctx context.Context, limit int) ([]Rollout, error) {
	all, err := s.rollouts(ctx, s.pool, "ORDER BY id DESC LIMIT $2", limit)
	return all, s.redact(err)
}

// rollouts returns those which the end of a query selects. It does not redact errors.
func (s *Store) rollouts(ctx context.Context, q querier, which string, args ...any) ([]Rollout, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := q.Query(ctx, rolloutColumns+which, append([]any{s.fleet}, args...)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Rollout, err error) {
		var trial string
		err = row.Scan(&r.ID, &r.Action, &r.Current.Digest, &r.Current.Source, &r.Candidate.Digest, &r.Candidate.Source, &trial, &r.Who, &r.Why, &r.At, &r.Role)
		if r.Candidate.Digest != "" {
			r.Trial = json.RawMessage(trial)
		}
		// Whoever can write to the table chooses the texts.
		for _, text := range []*string{&r.Action, &r.Current.Source, &r.Candidate.Source, &r.Who, &r.Why} {
			*text = clean(*text, 1000)
		}
		return r, err
	})
}

// Before returns the guest that ran before the one that runs now. ok is false if
// there is none.
func (s *Store) Before(ctx context.Context, newest Rollout) (before Ref, ok bool, err error) {
	if newest.ID == 0 {
		return Ref{}, false, nil
	}
	found, err := s.rollouts(ctx, s.pool, "AND id < $2 AND current_digest <> $3 ORDER BY id DESC LIMIT 1", newest.ID, newest.Current.Digest)
	if err != nil || len(found) > 0 {
		if len(found) > 0 {
			before, ok = found[0].Current, true
		}
		return before, ok, s.redact(err)
	}
	// Before the first rollout, the nodes ran their own guests.
	return Ref{}, newest.Current.Digest != "", nil
}

// Append makes next the newest rollout. next.ID must be one more than that of the
// newest one that the caller knows; if there is a newer one, nothing changes and the
// error is a [ConflictError].
func (s *Store) Append(ctx context.Context, next Rollout) error {
	timed, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	trial := next.Trial
	if trial == nil {
		trial = json.RawMessage("{}")
	}
	_, err := s.pool.Exec(timed, `
		INSERT INTO public.tenantedge_rollout (fleet, id, action, current_digest, current_source, candidate_digest, candidate_source, trial, who, why)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9, $10)`,
		s.fleet, next.ID, next.Action, next.Current.Digest, next.Current.Source, next.Candidate.Digest, next.Candidate.Source, string(trial), clean(next.Who, 200), clean(next.Why, 1000))
	if sqlState(err) != "23505" { // unique_violation
		return s.redact(err)
	}
	newest, readErr := s.newest(ctx, s.pool)
	if readErr != nil {
		return s.redact(errors.Join(err, readErr))
	}
	return &ConflictError{newest}
}

// EndTrial ends the trial of the rollout with an id for the whole fleet, because of a
// limit that a node has found to be exceeded. done is false if that rollout is not the
// newest one any more, or tries nothing.
func (s *Store) EndTrial(ctx context.Context, id int64, node, reason string) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	err = s.pool.QueryRow(ctx, "SELECT public.tenantedge_end_trial($1, $2, $3, $4)", s.fleet, id, node, clean(reason, 1000)).Scan(&done)
	return done, s.redact(err)
}

// clean returns text in one line of at most limit bytes that Postgres accepts.
func clean(text string, limit int) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " ")))
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	return text
}
