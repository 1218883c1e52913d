package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// channel is the channel on which the triggers notify of changes. A payload is
// the key of the pair of tables, a space, and a JSON array of the tenants' ids,
// or * if they are too many.
const (
	channel      = "tenantedge_directory"
	payloadAll   = "*"
	maxTenants   = 1000 // changed tenants that are read; more cause a full load
	queryTimeout = 10 * time.Second
	loadTimeout  = 5 * time.Minute
)

// follower is one connection that keeps a directory up to date.
type follower struct {
	source    *Source
	dir       *tenantdb.Directory
	conn      *pgx.Conn
	layout    layout
	listening bool
	mark      mark
	notified  bool // since mark was read
}

// mark changes when the tables do.
type mark struct {
	polling  string // why the database does not notify; empty: it does
	position string // change counters of the tables, or a position in the write-ahead log
}

// start listens, if there are triggers, and then loads all rows: in the other
// order it could miss a change in between.
func (f *follower) start(ctx context.Context) error {
	if err := f.listen(ctx); err != nil {
		return err
	}
	return f.loadAll(ctx)
}

func (f *follower) listen(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if f.layout, err = readLayout(ctx, f.conn, f.source.db.names); err != nil {
		return err
	}
	if f.mark, err = f.readMark(ctx); err != nil {
		return err
	}
	f.source.setPolling(f.dir, f.mark.polling)
	if f.mark.polling != "" {
		return nil
	}
	if _, err := f.conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return fmt.Errorf("listening for changes: %w", err)
	}
	f.listening = true
	return nil
}

func (f *follower) loadAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	from := time.Now()
	state, err := f.source.db.names.readAll(ctx, f.conn, f.layout)
	if err != nil {
		return fmt.Errorf("reading the tables: %w", err)
	}
	state.SyncedAt = from
	report := f.dir.Replace(state)
	f.source.logLeftOut(f.dir, report)
	f.source.log(f.dir).Debug("loaded the directory", "tenants", report.Tenants, "domains", report.Domains,
		"took", time.Since(from).String(), "listening", f.listening)
	return nil
}

// follow follows changes until there is an error.
func (f *follower) follow(ctx context.Context, saver *saver) error {
	for {
		pending, err := f.wait(ctx)
		if err != nil {
			return f.source.db.redact(tableError(err))
		}
		changed, err := f.catchUp(ctx, pending)
		if err != nil {
			return f.source.db.redact(tableError(err))
		}
		if changed {
			saver.changed()
		}
	}
}

// wait waits for notifications, at most until it is time to poll.
func (f *follower) wait(ctx context.Context) (pending, error) {
	var p pending
	until, cancel := context.WithTimeout(ctx, f.source.poll)
	defer cancel()
	n, err := f.conn.WaitForNotification(until)
	if err != nil {
		if until.Err() != nil && ctx.Err() == nil && !f.conn.IsClosed() {
			return p, nil
		}
		return p, err
	}
	p.add(n, f.source.db.names.key())
	// With an ended context it returns only what has been received already.
	ended, end := context.WithCancel(ctx)
	end()
	for {
		n, err := f.conn.WaitForNotification(ended)
		if err != nil {
			return p, nil
		}
		p.add(n, f.source.db.names.key())
	}
}

// catchUp applies the pending changes, or polls if there are none.
func (f *follower) catchUp(ctx context.Context, p pending) (changed bool, err error) {
	switch {
	case p.all || len(p.ids) > maxTenants:
		f.notified = true
		return true, f.reload(ctx)
	case len(p.ids) > 0:
		f.notified = true
		limited, cancel := context.WithTimeout(ctx, queryTimeout)
		defer cancel()
		list, err := f.source.db.names.readTenants(limited, f.conn, f.layout, p.ids)
		if err != nil {
			return false, fmt.Errorf("reading changed tenants: %w", err)
		}
		f.source.logLeftOut(f.dir, f.dir.Apply(list))
		return true, nil
	case p.others:
		return false, nil
	}
	return f.poll(ctx)
}

// poll reloads the tables if their mark has changed.
func (f *follower) poll(ctx context.Context) (changed bool, err error) {
	limited, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	m, err := f.readMark(limited)
	if err != nil {
		return false, fmt.Errorf("polling for changes: %w", err)
	}
	if m.polling != f.mark.polling {
		return false, errModeChanged
	}
	before, notified := f.mark, f.notified
	f.mark, f.notified = m, false
	// Notified changes have been applied. Tables that change without a
	// notification lose it on the way, for example to a pooler that does not
	// keep sessions.
	if m.position == before.position || f.listening && notified {
		f.dir.Confirm()
		return false, nil
	}
	return true, f.reload(ctx)
}

// reload loads all rows. It reads the layout again, because the tables may have
// been recreated.
func (f *follower) reload(ctx context.Context) (err error) {
	limited, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if f.layout, err = readLayout(limited, f.conn, f.source.db.names); err != nil {
		return err
	}
	return f.loadAll(ctx)
}

// readMark reads the tables' counters of changed rows. An open session reports
// its changes to them up to ten seconds after the commit. They are read before
// the tables, so that a change that a load misses makes the next mark differ. On
// a standby, and on a server that does not count, the mark is the position in
// the write-ahead log.
func (f *follower) readMark(ctx context.Context) (m mark, err error) {
	var standby bool
	err = f.conn.QueryRow(ctx, `
		SELECT pg_is_in_recovery(),
		       CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_replay_lsn()::text, '')
		            WHEN current_setting('track_counts') = 'off' THEN pg_current_wal_insert_lsn()::text
		            ELSE (SELECT coalesce(string_agg(concat_ws(' ', c.oid, c.relfilenode, pg_stat_get_tuples_inserted(c.oid),
		                         pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_deleted(c.oid)), ',' ORDER BY c.oid), '')
		                  FROM pg_catalog.pg_class c WHERE c.oid IN (to_regclass($1), to_regclass($2)))
		       END`,
		f.source.db.names.tenant.Sanitize(), f.source.db.names.domain.Sanitize()).Scan(&standby, &m.position)
	if err != nil {
		return m, err
	}
	if standby {
		m.polling = "the server is a standby, which cannot notify of changes"
		return m, nil
	}
	missing, err := missingTriggers(ctx, f.conn, f.source.db.names)
	if len(missing) > 0 {
		m.polling = fmt.Sprintf("expected triggers that notify of changes, %s; run `tenantedge db init`", describeMissing(missing))
	}
	return m, err
}

func (f *follower) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = f.conn.Close(ctx) // the connection is discarded anyway
}

// pending collects notifications.
type pending struct {
	ids    []string
	all    bool
	others bool // there were notifications of other tables
}

func (p *pending) add(n *pgconn.Notification, key string) {
	rest, ours := strings.CutPrefix(n.Payload, key+" ")
	if !ours {
		p.others = true
		return
	}
	var ids []string
	if rest == payloadAll || json.Unmarshal([]byte(rest), &ids) != nil {
		p.all = true
		return
	}
	for _, id := range ids {
		if !slices.Contains(p.ids, id) {
			p.ids = append(p.ids, id)
		}
	}
	if len(p.ids) > maxTenants {
		p.all = true
	}
}
