package channel

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// registry finds the open channels of a tenant by their tokens. A token begins
// with an index into slots, so a channel costs eight bytes here, where a map
// from tokens would take fifty.
type registry struct {
	slots []*Channel
	free  []uint32 // empty slots
	open  int
}

// add generates the channel's token and registers it.
func (r *registry) add(ch *Channel) {
	slot := uint32(len(r.slots))
	if n := len(r.free) - 1; n >= 0 {
		slot, r.free = r.free[n], r.free[:n]
		r.slots[slot] = ch
	} else {
		r.slots = append(r.slots, ch)
	}
	binary.BigEndian.PutUint32(ch.token[:], slot)
	rand.Read(ch.token[4:]) // never fails, see its documentation
	r.open++
}

// find returns the open channel with a token, or nil.
func (r *registry) find(t wire.Token) *Channel {
	slot := binary.BigEndian.Uint32(t[:])
	if uint64(slot) >= uint64(len(r.slots)) {
		return nil
	}
	if ch := r.slots[slot]; ch != nil && ch.token == t {
		return ch
	}
	return nil
}

// remove removes a registered channel.
func (r *registry) remove(ch *Channel) {
	slot := binary.BigEndian.Uint32(ch.token[:])
	r.slots[slot] = nil
	r.open--
	if r.open == 0 {
		r.slots, r.free = nil, nil // release the memory of a peak
		return
	}
	r.free = append(r.free, slot)
}

// all returns the open channels.
func (r *registry) all() []*Channel {
	all := make([]*Channel, 0, r.open)
	for _, ch := range r.slots {
		if ch != nil {
			all = append(all, ch)
		}
	}
	return all
}
