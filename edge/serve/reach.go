package serve

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	reachEvery   = 10 * time.Second // between two questions to the server of a bucket
	reachTimeout = 5 * time.Second  // after which it is out of reach
)

// reachable is a backend whose files are on a server.
type reachable interface {
	Ping(context.Context) error
}

// reach asks whether the server of a bucket can be reached, and logs when that
// changes. It reports whether the server is back. Files on a disk are always
// there.
func (s *store) reach(ctx context.Context) (back bool) {
	server, ok := s.storage.(reachable)
	if !ok {
		return false
	}
	asking, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	err := server.Ping(asking)
	if ctx.Err() != nil {
		return false // the edge is shutting down
	}
	if err == nil {
		if back = s.unreachable.Swap(nil) != nil; back {
			s.server.log.InfoContext(ctx, "the bucket of media can be reached again")
		}
		return back
	}
	text := err.Error()
	if was := s.unreachable.Swap(&text); was == nil {
		s.server.log.ErrorContext(ctx, "the bucket of media is out of reach; its files get 502 or 503", "error", err)
	}
	return false
}

// watchBuckets asks the servers of buckets from time to time, whether or not
// clients ask for files. A server that is back may be another one.
func (s *Server) watchBuckets(ctx context.Context) {
	every(ctx, reachEvery, func() {
		for _, st := range s.table.stores {
			if !st.reach(ctx) {
				continue
			}
			if err := st.checkServer(ctx); err != nil {
				s.log.ErrorContext(ctx, "clients may overwrite files of the bucket", "error", err)
			}
		}
	})
}

// mediaDegraded returns why tenants' files cannot be read at the moment; empty:
// they can.
func (s *Server) mediaDegraded() string {
	for _, st := range s.table.stores {
		if why := st.unreachable.Load(); why != nil {
			return *why
		}
	}
	return ""
}

// hasBucket reports whether files are in a bucket.
func (s *Server) hasBucket() bool {
	for _, st := range s.table.stores {
		if st.remote {
			return true
		}
	}
	return false
}

// newBucketGauge is what /metrics shows of the bucket.
func (s *Server) newBucketGauge() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tenantedge_bucket_reachable", Help: "1 while the server of the bucket of media can be reached.",
	}, func() float64 {
		if s.mediaDegraded() != "" {
			return 0
		}
		return 1
	})
}
