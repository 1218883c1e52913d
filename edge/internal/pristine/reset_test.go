package pristine

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
)

// scribble writes to a memory as a request may, by host and guest.
func scribble(g *guest, r *rand.Rand) {
	view := g.memory.Bytes()
	for range r.IntN(12) {
		addr := r.IntN(len(view))
		switch r.IntN(16) {
		default:
			g.must("store", uint64(addr), uint64(r.Uint32()))
		case 0, 1, 2, 3:
			g.memory.set(addr, view[addr]+1)
		case 4, 5:
			end := min(addr+r.IntN(3*4096), len(view))
			g.memory.Mark(uint32(addr), uint32(end-addr))
			clear(view[addr:end])
		case 6:
			g.must("fill", uint64(addr), uint64(r.Uint32()), uint64(r.IntN(min(2*4096, len(view)-addr)+1)))
		case 7:
			if _, ok := g.call("trap", uint64(addr), uint64(r.Uint32())); ok {
				g.t.Fatal("trap did not trap")
			}
		case 8:
			if old := g.must("grow", 1); old != ^uint32(0) {
				g.must("fill", uint64(old)*wasmPage, 0xff, wasmPage)
				view = g.memory.Bytes()
			}
		}
	}
}

func TestMemoryEqualsItsImageAfterAnyWrites(t *testing.T) {
	patterns := 8000
	if testing.Short() {
		patterns = 800
	}
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		instantiate := guests(t, wazero.NewRuntimeConfig())
		r := rand.New(rand.NewPCG(7, 1))
		var g *guest
		retired := 0
		for range patterns {
			if g == nil {
				g = instantiate(newMemory(t, image))
				g.memory.Bind(g.module.Memory())
			}
			scribble(g, r)
			report := mustReset(t, g.memory)
			if report.Retire == Keep {
				mustEqual(t, g.memory, content)
				continue
			}
			g.close()
			g, retired = nil, retired+1
		}
		if g != nil {
			g.close()
		}
		t.Logf("%d patterns, %d memories retired", patterns, retired)
	})
}

func TestMemoriesOnSeveralThreadsDoNotDisturbEachOther(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		var done sync.WaitGroup
		for worker := range 4 {
			a, b := newMemory(t, image), newMemory(t, image)
			done.Go(func() {
				defer mustClose(t, a)
				defer mustClose(t, b)
				r := rand.New(rand.NewPCG(uint64(worker), 3))
				write := func(m *Memory) {
					for range 5 {
						at := r.IntN(len(content))
						m.set(at, m.view[at]+1)
					}
				}
				for range 200 {
					err := cycle(a, content, func(m *Memory) {
						write(m)
						if err := cycle(b, content, write); err != nil {
							t.Error(err)
						}
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		done.Wait()
	})
}

// Only what is marked is copied, in whole grains.
func TestResetCopiesWhatIsMarked(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		for _, c := range []struct {
			name   string
			ranges [][2]uint32
			bytes  int
		}{
			{"nothing", nil, 0},
			{"no bytes", [][2]uint32{{5000, 0}}, 0},
			{"a byte", [][2]uint32{{wasmPage, 1}}, grain},
			{"a byte twice", [][2]uint32{{wasmPage, 1}, {wasmPage + 7, 1}}, grain},
			{"the end of one grain and the beginning of the next", [][2]uint32{{2*grain - 1, 2}}, 2 * grain},
			{"a page", [][2]uint32{{wasmPage, wasmPage}}, wasmPage},
			{"everything", [][2]uint32{{0, guestPages * wasmPage}}, guestPages * wasmPage},
			{"more than everything", [][2]uint32{{0, 1<<32 - 1}}, guestPages * wasmPage},
			{"bytes beyond the end", [][2]uint32{{guestPages * wasmPage, 100}, {1<<32 - 1, 1<<32 - 1}}, 0},
			{"the last byte", [][2]uint32{{guestPages*wasmPage - 1, 100}}, grain},
		} {
			m := newMemory(t, image)
			for _, r := range c.ranges {
				m.Mark(r[0], r[1])
				for at := uint64(r[0]); at < min(uint64(r[0])+uint64(r[1]), uint64(len(m.view))); at++ {
					m.view[at]++
				}
			}
			r := mustReset(t, m)
			if r.Bytes != c.bytes || r.Retire != Keep {
				t.Errorf("%s: report is %+v, expected %d bytes", c.name, r, c.bytes)
			}
			mustEqual(t, m, content)
			if r := mustReset(t, m); r.Bytes != 0 {
				t.Errorf("%s: %d bytes are still marked after the reset", c.name, r.Bytes)
			}
			mustClose(t, m)
		}
	})
}

// A write that is not marked is found by Audit.
func TestAuditFindsWhatIsNotMarked(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		defer mustClose(t, m)
		m.set(wasmPage, 7)
		m.Bytes()[wasmPage+grain]++
		mustReset(t, m)
		if err := m.Audit(); !errors.Is(err, ErrNotPristine) {
			t.Errorf("Audit: %v", err)
		}
	})
}

// From the limit on, Reset copies nothing more: the memory is retired anyway.
func TestResetAsksForRetirementFromTheLimitOn(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		image.retireAbove = 10 * grain
		for written := 1; written <= 20; written++ {
			m := newMemory(t, image)
			for i := range written {
				m.set(2*i*grain, 1) // no two are adjacent
			}
			r := mustReset(t, m)
			if want := min(written, 10) * grain; r.Bytes != want {
				t.Errorf("%d bytes copied after writes to %d KiB: expected %d", r.Bytes, written, want)
			}
			if want := map[bool]Reason{true: TooMuch}[written >= 10]; r.Retire != want {
				t.Errorf("reason to retire after writes to %d KiB is %q: expected %q", written, r.Retire, want)
			}
			if r.Retire == Keep {
				mustEqual(t, m, content)
			}
			mustClose(t, m)
		}
	})
}

func TestResetDoesNotAllocate(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		defer mustClose(t, m)
		allocs := testing.AllocsPerRun(100, func() {
			m.set(wasmPage, 1)
			mustReset(t, m)
		})
		if allocs != 0 {
			t.Errorf("%v allocations a reset", allocs)
		}
	})
}

func TestMemoryWithoutImageCannotBeReset(t *testing.T) {
	m, err := NewMemory(maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, m)
	m.Mark(0, 1)
	if _, err := m.Reset(); !errors.Is(err, ErrNoImage) {
		t.Errorf("Reset: %v", err)
	}
	if err := m.Audit(); !errors.Is(err, ErrNoImage) {
		t.Errorf("Audit: %v", err)
	}
}
