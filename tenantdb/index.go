package tenantdb

import "math/bits"

// index finds positions in a list by hash: a hash table with linear probing that,
// unlike a Go map, does not store the keys and is at most half full.
type index []slot

// slot holds the upper 32 bits of a hash, and 1 + the position; 0 is empty.
type slot uint64

func slotOf(hash uint64, position int) slot { return slot(hash&^0xffffffff | uint64(position+1)) }

func (s slot) position() int32 { return int32(uint32(s)) - 1 }

// newIndex returns an index with room for n positions.
func newIndex(n int) index { return make(index, 2<<bits.Len(uint(n))) }

// find returns the slot of the position that has the hash and for which is returns
// true. If there is none, it returns the empty slot for it.
func (x index) find(hash uint64, is func(position int32) bool) (s *slot, found bool) {
	for at := hash; ; at++ {
		s = &x[at&uint64(len(x)-1)]
		if *s == 0 || *s>>32 == slot(hash>>32) && is(s.position()) {
			return s, *s != 0
		}
	}
}
