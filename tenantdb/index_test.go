package tenantdb

import "testing"

func TestAnIndexFindsPositionsWhoseHashesCollide(t *testing.T) {
	hashes := []uint64{
		0, 1 << 32, 2 << 32, // the same slot
		7, 7 | 1<<20, // the same slot and upper half
		1<<64 - 1, // the last slot
		1<<64 - 1, // the same hash
	}
	x := newIndex(len(hashes))
	for i := range hashes {
		is := func(position int32) bool { return int(position) == i }
		s, found := x.find(hashes[i], is)
		if found {
			t.Fatalf("position %d found before it was added", i)
		}
		*s = slotOf(hashes[i], i)
	}
	for i := range hashes {
		s, found := x.find(hashes[i], func(position int32) bool { return int(position) == i })
		if !found || s.position() != int32(i) {
			t.Errorf("position %d: found %v", i, found)
		}
	}
}
