package session

import (
	"sync"
	"sync/atomic"
)

// Stats counts requests by the outcome of reading their session.
type Stats struct {
	Valid      uint64
	Absent     uint64 // no cookie
	Unknown    uint64 // backend db: no such row, or a key that Django never generates
	Expired    uint64
	Forged     uint64 // no valid signature: another key, or modified
	Pickled    uint64 // valid signature, pickle serializer
	Unreadable uint64 // valid signature, not a JSON object
	Failed     uint64 // the store failed, and the row was not cached
}

type counters struct {
	valid, absent, unknown, expired, forged, pickled, unreadable, failed atomic.Uint64
}

// warnings are logged once each, not for every request.
type warnings struct{ pickled, unreadable sync.Once }

// Stats returns the counts since New.
func (r *Reader) Stats() Stats {
	c := &r.counts
	return Stats{
		Valid: c.valid.Load(), Absent: c.absent.Load(), Unknown: c.unknown.Load(), Expired: c.expired.Load(),
		Forged: c.forged.Load(), Pickled: c.pickled.Load(), Unreadable: c.unreadable.Load(), Failed: c.failed.Load(),
	}
}
