package uploads

import (
	"sync"
	"sync/atomic"
)

// Stats count what a Handler has done since it was made.
type Stats struct {
	Created  uint64 // files, by PUT
	Replaced uint64
	Deleted  uint64
	Begun    uint64 // resumable uploads
	Finished uint64 // of these, saved
	Bytes    uint64 // that were kept, parts of resumable uploads included
	// Refused counts requests that failed, by the status of the answer.
	Refused map[int]uint64
}

type counts struct {
	created, replaced, deleted, begun, finished, bytes atomic.Uint64

	mu      sync.Mutex
	refused map[int]uint64
}

func (c *counts) received(bytes int64) { c.bytes.Add(uint64(max(0, bytes))) }

func (c *counts) refuse(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = make(map[int]uint64)
	}
	c.refused[status]++
}

// Stats returns the counters.
func (h *Handler) Stats() Stats {
	c := &h.counts
	s := Stats{
		Created: c.created.Load(), Replaced: c.replaced.Load(), Deleted: c.deleted.Load(),
		Begun: c.begun.Load(), Finished: c.finished.Load(), Bytes: c.bytes.Load(), Refused: make(map[int]uint64),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for status, n := range c.refused {
		s.Refused[status] = n
	}
	return s
}

// Add adds what another Handler has done.
func (s *Stats) Add(other Stats) {
	s.Created += other.Created
	s.Replaced += other.Replaced
	s.Deleted += other.Deleted
	s.Begun += other.Begun
	s.Finished += other.Finished
	s.Bytes += other.Bytes
	for status, n := range other.Refused {
		s.Refused[status] += n
	}
}
