package pristine

import (
	"testing"

	"github.com/tetratelabs/wazero"
)

// eachGuest runs a test with each kind of image and each of wazero's engines.
func eachGuest(t *testing.T, test func(t *testing.T, g *guest, content []byte)) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			eachImage(t, func(t *testing.T, image *Image, content []byte) {
				g := guests(t, engine())(newMemory(t, image))
				defer g.close()
				test(t, g, content)
			})
		})
	}
}

func TestGrowthIsUndone(t *testing.T) {
	eachGuest(t, func(t *testing.T, g *guest, content []byte) {
		g.memory.Bind(g.module.Memory())
		for range 20 {
			if pages := g.must("grow", 3); pages != guestPages {
				t.Fatalf("the guest sees %d pages before it grows: expected %d", pages, guestPages)
			}
			if b := g.must("load", (guestPages+3)*wasmPage-1); b != 0 {
				t.Fatalf("the guest reads %#x from pages it has grown by: expected 0", b)
			}
			g.must("fill", (guestPages-1)*wasmPage, 0xaa, 4*wasmPage)
			if r := mustReset(t, g.memory); r.Retire != Keep {
				t.Fatalf("report is %+v: expected no reason to retire", r)
			}
			mustEqual(t, g.memory, content)
			if pages := g.must("size"); pages != guestPages {
				t.Fatalf("the guest sees %d pages after a reset: expected %d", pages, guestPages)
			}
			if size := g.module.Memory().Size(); size != guestPages*wasmPage {
				t.Fatalf("the host sees %d bytes after a reset: expected %d", size, guestPages*wasmPage)
			}
			if _, ok := g.call("store", guestPages*wasmPage, 1); ok {
				t.Fatal("the guest can write beyond the memory's end after a reset")
			}
		}
	})
}

func TestGrowthThatCannotBeUndoneRetires(t *testing.T) {
	tests := []struct {
		name  string
		pages uint64
		bind  bool
	}{
		{"a memory that is not bound", 1, false},
		{"a memory at its maximum", guestMaxPages - guestPages, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			eachGuest(t, func(t *testing.T, g *guest, content []byte) {
				if test.bind {
					g.memory.Bind(g.module.Memory())
				}
				g.must("grow", test.pages)
				if r := mustReset(t, g.memory); r.Retire != Grown {
					t.Errorf("reason to retire is %q: expected %q", r.Retire, Grown)
				}
				if g.memory.Audit() == nil {
					t.Error("Audit accepts a memory that is longer than its image")
				}
				g.must("store", guestPages*wasmPage, 1) // still mapped
			})
		})
	}
}

func TestGrowthBeyondTheReservationFails(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m, err := image.NewMemory((guestPages + 2) * wasmPage)
		if err != nil {
			t.Fatal(err)
		}
		g := guests(t, wazero.NewRuntimeConfig())(m)
		defer g.close()
		m.Bind(g.module.Memory())
		if old := g.must("grow", 3); old != ^uint32(0) {
			t.Errorf("growth by 3 pages where 2 are reserved returned %d: expected -1", int32(old))
		}
		if old := g.must("grow", 2); old != guestPages {
			t.Errorf("growth by 2 pages returned %d: expected %d", int32(old), guestPages)
		}
		mustReset(t, m)
		mustEqual(t, m, content)
	})
}

// The image may be longer than the minimum that the module declares: the guest may
// have grown while it was warmed up.
func TestInstanceStartsAsLongAsItsImage(t *testing.T) {
	content := make([]byte, (guestPages+5)*wasmPage)
	content[len(content)-1] = 42
	image, err := NewImage(content)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	g := guests(t, wazero.NewRuntimeConfig())(newMemory(t, image))
	defer g.close()
	if pages := g.must("size"); pages != guestPages+5 {
		t.Errorf("the guest sees %d pages: expected %d", pages, guestPages+5)
	}
	if b := g.must("load", uint64(len(content)-1)); b != 42 {
		t.Errorf("the guest reads %d at the end: expected 42", b)
	}
}

// deafGuest is a wazero that ignores the length that Reallocate returns.
type deafGuest struct{ hostView }

func (deafGuest) Size() uint32 { return (guestPages + 1) * wasmPage }

func TestGrowthThatTheGuestStillSeesRetires(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		defer mustClose(t, m)
		m.Bind(deafGuest{hostView{m}})
		hostView{m}.Grow(1)
		if r := mustReset(t, m); r.Retire != Grown {
			t.Errorf("reason to retire is %q: expected %q", r.Retire, Grown)
		}
	})
}
