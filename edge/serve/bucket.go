package serve

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

const (
	pingEvery   = 10 * time.Second
	pingTimeout = 5 * time.Second
)

// pinger is a storage on a server.
type pinger interface {
	Ping(context.Context) error
}

// ping checks whether the server of a bucket can be reached and logs changes. It
// reports whether the server has become reachable again. For a disk it does
// nothing.
func (s *store) ping(ctx context.Context) (recovered bool) {
	server, ok := s.storage.(pinger)
	if !ok {
		return false
	}
	limited, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	err := server.Ping(limited)
	if ctx.Err() != nil {
		return false // the edge is shutting down
	}
	if err == nil {
		if recovered = s.unreachable.Swap(nil) != nil; recovered {
			s.log.InfoContext(ctx, "the media bucket is reachable again")
		}
		return recovered
	}
	text := err.Error()
	if before := s.unreachable.Swap(&text); before == nil {
		s.log.ErrorContext(ctx, "the media bucket is unreachable; requests for its files get 502 or 503", "error", err)
	}
	return false
}

// replacer is a storage whose server decides whether a write replaces a file.
type replacer interface {
	CheckReplace(context.Context) error
}

// checkServer checks that the server of a bucket that clients write to supports
// conditional writes, without which one client could overwrite the file of
// another. A server that cannot be reached is checked once it can be.
func (s *store) checkServer(ctx context.Context) error {
	server, ok := s.storage.(replacer)
	if !ok || !s.writable || s.unreachable.Load() != nil {
		return nil
	}
	err := server.CheckReplace(ctx)
	if err != nil && !errors.Is(err, backend.ErrUnconditional) {
		s.log.ErrorContext(ctx, "cannot test whether the bucket supports conditional writes", "error", err)
		return nil
	}
	return err
}

// watchBuckets pings the servers of buckets. It checks a server again that has
// become reachable, because it may be a different one.
func (s *generation) watchBuckets(ctx context.Context) {
	for sleep(ctx, pingEvery) {
		for _, st := range s.table.stores {
			if !st.ping(ctx) {
				continue
			}
			if err := st.checkServer(ctx); err != nil {
				s.log.ErrorContext(ctx, "the media bucket does not support conditional writes; a client can overwrite the file of another", "error", err)
			}
		}
	}
}

// mediaDegraded returns why tenants' files cannot be read at present. Empty:
// they can.
func (s *generation) mediaDegraded() string {
	for _, st := range s.table.stores {
		if reason := st.unreachable.Load(); reason != nil {
			return *reason
		}
	}
	return ""
}

// hasBucket reports whether files are in a bucket.
func (s *generation) hasBucket() bool {
	for _, st := range s.table.stores {
		if st.remote {
			return true
		}
	}
	return false
}

func (s *generation) newBucketGauge() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tenantedge_bucket_reachable", Help: "1 while the server of the media bucket is reachable.",
	}, func() float64 {
		if s.mediaDegraded() != "" {
			return 0
		}
		return 1
	})
}
