package channel

import "github.com/tenantedge/tenantedge/edge/channel/internal/wire"

// Stats are the counts of a layer or a scope since it was made. Every message
// that is lost within this process is in one of them.
type Stats struct {
	Channels    int64 // open channels
	Memberships int64 // of open channels in groups
	Broken      int64 // tenants whose wire is broken, or whose last send failed within a minute

	Sent      uint64 // messages sent, to channels and groups
	Received  uint64 // messages that arrived for this process
	Delivered uint64 // messages that receivers accepted, one for each member

	Full         uint64 // dropped by a full receiver
	OverCapacity uint64 // dropped because a process, this one or another, had too many unread messages
	Unknown      uint64 // addressed to a closed channel, or to a process that has ended
	Foreign      uint64 // arrived for one tenant and named another tenant's channel
	Malformed    uint64 // could not be decoded or decrypted
	TooLarge     uint64 // arrived longer than allowed
	Unsent       uint64 // not sent: the wire was broken or rejected it; the sender got an error
	Breaks       uint64 // times the wire broke
	Resumes      uint64 // times the wire recovered
}

// Add adds t to s.
func (s *Stats) Add(t Stats) {
	s.Channels += t.Channels
	s.Memberships += t.Memberships
	s.Broken += t.Broken
	s.Sent += t.Sent
	s.Received += t.Received
	s.Delivered += t.Delivered
	s.Full += t.Full
	s.OverCapacity += t.OverCapacity
	s.Unknown += t.Unknown
	s.Foreign += t.Foreign
	s.Malformed += t.Malformed
	s.TooLarge += t.TooLarge
	s.Unsent += t.Unsent
	s.Breaks += t.Breaks
	s.Resumes += t.Resumes
}

// statsOf returns the counts of a tenant.
func statsOf(c *wire.Counters) Stats {
	s := Stats{
		Sent: c.Sent.Load(), Unsent: c.Unsent.Load(), Received: c.Received.Load(), Delivered: c.Delivered.Load(),
		Full: c.Full.Load(), OverCapacity: c.OverCapacity.Load(), Unknown: c.Unknown.Load(), Foreign: c.Foreign.Load(),
		Malformed: c.Malformed.Load(), TooLarge: c.TooLarge.Load(), Breaks: c.Breaks.Load(), Resumes: c.Resumes.Load(),
	}
	if c.Broken() {
		s.Broken = 1
	}
	return s
}
