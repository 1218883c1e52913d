package uploads

import (
	"sync"
	"sync/atomic"
)

// Stats counts what a Handler has done since it was made.
type Stats struct {
	Created  uint64 // files, by PUT
	Replaced uint64 // files, by PUT
	Deleted  uint64 // files
	Begun    uint64 // resumable uploads
	Finished uint64 // resumable uploads that were saved
	Bytes    uint64 // kept, including parts of resumable uploads
	// Failed counts failed requests by the status of the answer.
	Failed map[int]uint64
}

type counts struct {
	created, replaced, deleted, begun, finished, bytes atomic.Uint64

	mu     sync.Mutex
	failed map[int]uint64
}

func (c *counts) received(bytes int64) { c.bytes.Add(uint64(max(0, bytes))) }

func (c *counts) fail(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = make(map[int]uint64)
	}
	c.failed[status]++
}

// Stats returns the counters.
func (h *Handler) Stats() Stats {
	c := &h.counts
	s := Stats{
		Created: c.created.Load(), Replaced: c.replaced.Load(), Deleted: c.deleted.Load(),
		Begun: c.begun.Load(), Finished: c.finished.Load(), Bytes: c.bytes.Load(), Failed: make(map[int]uint64),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for status, n := range c.failed {
		s.Failed[status] = n
	}
	return s
}

// Add adds the counters of another Handler.
func (s *Stats) Add(other Stats) {
	s.Created += other.Created
	s.Replaced += other.Replaced
	s.Deleted += other.Deleted
	s.Begun += other.Begun
	s.Finished += other.Finished
	s.Bytes += other.Bytes
	for status, n := range other.Failed {
		s.Failed[status] += n
	}
}
