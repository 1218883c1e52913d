package fleet

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/edge/stats"
)

// Node is what an edge of the fleet reports.
type Node struct {
	Name      string        `json:"node"`
	Process   string        `json:"process"` // another one after each start
	Host      string        `json:"host"`
	Version   string        `json:"version"` // of tenantedge
	Digest    string        `json:"digest"`  // of the guest that runs
	Rollout   int64         `json:"rollout"` // the newest one that it has carried out
	Failed    int64         `json:"failed"`  // one that it cannot carry out; 0: none
	Error     string        `json:"error,omitempty"`
	Report    Report        `json:"report"`
	Heartbeat time.Duration `json:"-"`

	Stopped bool          `json:"stopped"` // the edge was shut down
	Age     time.Duration `json:"-"`       // since the last report, by the clock of the database
	Up      time.Duration `json:"-"`       // from the start to the last report
}

// Report has the figures of a node.
type Report struct {
	Guest     stats.Guest      `json:"guest"`
	Candidate *stats.Candidate `json:"candidate,omitempty"` // nil: none was tried
	// FetchSeconds and LoadSeconds are how long it took to get and to load (try, compile
	// and start) the guest of the last rollout that needed that.
	FetchSeconds float64 `json:"fetch_seconds"`
	LoadSeconds  float64 `json:"load_seconds"`
}

// missedHeartbeats is after how many heartbeats without a report a node is gone.
const missedHeartbeats = 3

// Gone reports whether the node has not reported for a while, or was stopped.
func (n *Node) Gone() bool { return n.Stopped || n.Age > missedHeartbeats*n.Heartbeat+time.Second }

// forgotten is how long a node that is gone is kept.
const forgotten = "1 day"

// Put writes the report of a node, and removes nodes that have been gone for a day.
// It returns the process of another edge that had the same name; empty: none.
func (s *Store) Put(ctx context.Context, n *Node) (other string, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	report, err := json.Marshal(&n.Report)
	if err != nil {
		return "", err
	}
	err = s.pool.QueryRow(ctx, `
		WITH before AS (SELECT process FROM public.tenantedge_node WHERE fleet = $1 AND node = $2 AND NOT stopped),
		     removed AS (DELETE FROM public.tenantedge_node WHERE fleet = $1 AND node <> $2 AND seen_at < clock_timestamp() - interval '`+forgotten+`')
		INSERT INTO public.tenantedge_node AS n (fleet, node, process, host, version, digest, rollout, failed, error, report, heartbeat)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::json, make_interval(secs => $11))
		ON CONFLICT (fleet, node) DO UPDATE SET process = $3, host = $4, version = $5, digest = $6, rollout = $7, failed = $8, error = $9,
			report = excluded.report, heartbeat = excluded.heartbeat, stopped = false, seen_at = clock_timestamp(),
			started_at = CASE WHEN n.process = $3 THEN n.started_at ELSE clock_timestamp() END
		RETURNING coalesce((SELECT process FROM before WHERE process <> $3), '')`,
		s.fleet, n.Name, n.Process, clean(n.Host, 200), clean(n.Version, 200), n.Digest, n.Rollout, n.Failed, clean(n.Error, 2000), string(report), n.Heartbeat.Seconds()).Scan(&other)
	return other, s.redact(err)
}

// Stop reports that a process was shut down.
func (s *Store) Stop(ctx context.Context, node, process string) error {
	_, err := s.pool.Exec(ctx, "UPDATE public.tenantedge_node SET stopped = true, seen_at = clock_timestamp() WHERE fleet = $1 AND node = $2 AND process = $3", s.fleet, node, process)
	return s.redact(err)
}

// Nodes returns the nodes of the fleet by name.
func (s *Store) Nodes(ctx context.Context) ([]Node, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := s.pool.Query(ctx, `
		SELECT node, process, host, version, digest, rollout, failed, left(error, 2000),
		       CASE WHEN octet_length(report::text) <= 1048576 THEN report::text ELSE '{}' END,
		       extract(epoch FROM heartbeat)::float8, stopped, extract(epoch FROM clock_timestamp() - seen_at)::float8, extract(epoch FROM seen_at - started_at)::float8
		FROM public.tenantedge_node WHERE fleet = $1 ORDER BY node LIMIT 10000`, s.fleet)
	if err != nil {
		return nil, s.redact(err)
	}
	nodes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n Node, err error) {
		var report string
		var heartbeat, age, up float64
		if err := row.Scan(&n.Name, &n.Process, &n.Host, &n.Version, &n.Digest, &n.Rollout, &n.Failed, &n.Error, &report, &heartbeat, &n.Stopped, &age, &up); err != nil {
			return n, err
		}
		if json.Unmarshal([]byte(report), &n.Report) != nil {
			n.Report = Report{} // of another version of tenantedge
		}
		for _, text := range []*string{&n.Name, &n.Host, &n.Version, &n.Digest, &n.Error, &n.Report.Guest.Name, &n.Report.Guest.Version} {
			*text = clean(*text, 2000)
		}
		n.Heartbeat, n.Age, n.Up = seconds(heartbeat), seconds(age), seconds(up)
		return n, nil
	})
	return nodes, s.redact(err)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
