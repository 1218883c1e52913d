package pristine

import (
	"bytes"
	"fmt"
	"testing"
)

// H7 of the security rules: nothing in a guest's memory from request N can be read in
// request N+1. This guest writes a secret all over its memory, including growth, and
// the next call searches all of it.
func TestH7NothingOfARequestCanBeReadInTheNext(t *testing.T) {
	eachGuest(t, func(t *testing.T, g *guest, content []byte) {
		g.memory.Bind(g.module.Memory())
		var before []byte
		for request := range 100 {
			secret := fmt.Appendf(nil, "secret of tenant %d", request)
			if request%3 == 0 {
				g.must("grow", 2)
			}
			all, _ := g.module.Memory().Read(0, g.module.Memory().Size())
			if before != nil && bytes.Contains(all, before) {
				t.Fatalf("request %d can read the %q", request, before)
			}
			for at := request % 7; at < len(all)-len(secret); at += (request + 3) * 997 {
				g.memory.Mark(uint32(at), uint32(len(secret)))
				copy(all[at:], secret)
			}
			if request%5 == 0 {
				g.call("trap", uint64(request), 1)
			}
			mustReset(t, g.memory)
			if all := g.memory.Bytes(); bytes.Contains(all, secret) {
				t.Fatalf("the %q is still there after the reset", secret)
			}
			before = secret
		}
		mustEqual(t, g.memory, content)
	})
}

// A reply may be in memory that the guest has grown by. Reading it too late is a bug,
// but does not crash.
func TestReadingAViewOfUndoneGrowthDoesNotCrash(t *testing.T) {
	eachGuest(t, func(t *testing.T, g *guest, content []byte) {
		g.memory.Bind(g.module.Memory())
		var view []byte
		g.must("grow", 1)
		g.must("fill", guestPages*wasmPage, 7, 100)
		view, _ = g.module.Memory().Read(guestPages*wasmPage, 100)
		mustReset(t, g.memory)
		// On the heap the view has the old content; a mapped one has zeros.
		if b := view[0]; b != 0 && !onHeap(g.memory.image) {
			t.Errorf("the view reads %d: expected 0", b)
		}
	})
}
