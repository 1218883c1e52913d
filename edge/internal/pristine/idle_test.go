package pristine

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// spread writes to some pages, no two of which are adjacent.
func spread(m *Memory, pages int, value byte) {
	for p := range pages {
		m.Bytes()[p*2*pageSize+7] ^= value
	}
}

func do(t *testing.T, m *Memory, call func()) ResetReport {
	t.Helper()
	r, err := m.Do(call)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPagesOfARareCallAreForgottenAndFoundAgain(t *testing.T) {
	const rare, usual = 20, 2
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		if image.Method() == Compare {
			return // it knows no pages
		}
		m := newMemory(t, image)
		defer mustClose(t, m)
		for range 3 {
			if r := do(t, m, func() { spread(m, rare, 0xff) }); r.Pages != rare {
				t.Fatalf("%d pages copied after the rare call: expected %d", r.Pages, rare)
			}
			mustEqual(t, m, content)
			forgotten := 0
			for range 2 * checkEvery * checks {
				forgotten += do(t, m, func() { spread(m, usual, 0xff) }).Forgotten
			}
			if forgotten != rare-usual {
				t.Errorf("%d pages were forgotten: expected %d", forgotten, rare-usual)
			}
			mustEqual(t, m, content)
			if r := do(t, m, func() { spread(m, usual, 0xff) }); r.Pages != usual {
				t.Errorf("%d pages copied after a usual call: expected %d", r.Pages, usual)
			}
			mustEqual(t, m, content)
		}
	})
}

func TestPagesThatEveryCallWritesAreKept(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		defer mustClose(t, m)
		for range 3 * checkEvery * checks {
			if r := do(t, m, func() { spread(m, 5, 0xff) }); r.Forgotten != 0 || r.Pages != 5 {
				t.Fatalf("%d pages copied and %d forgotten: expected 5 and none", r.Pages, r.Forgotten)
			}
		}
		mustEqual(t, m, content)
	})
}

// A page may be written between two checks and equal the image at both: then it is
// forgotten, and becomes private again.
func TestPagesWrittenBetweenChecksAreReset(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		defer mustClose(t, m)
		r := rand.New(rand.NewPCG(11, uint64(image.Method())))
		for call := range 2*checkEvery*checks + 9 {
			do(t, m, func() {
				if call%checkEvery != checkEvery-1 {
					spread(m, r.IntN(20), byte(1+r.IntN(255)))
				}
			})
			mustEqual(t, m, content)
		}
	})
}

// stuckSpace fails to forget, as for locked memory.
type stuckSpace struct{ space }

func (stuckSpace) forget(int, int) error { return errors.New("locked") }

func TestPagesThatCannotBeForgottenStayKnown(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		if image.Method() == Compare {
			return // it knows no pages
		}
		m := newMemory(t, image)
		defer mustClose(t, m)
		m.space = stuckSpace{m.space}
		do(t, m, func() { spread(m, 6, 0xff) })
		for range 2 * checkEvery * checks {
			if r := do(t, m, func() {}); r.Pages != 6 || r.Forgotten != 0 {
				t.Fatalf("%d pages copied and %d forgotten: expected 6 and none", r.Pages, r.Forgotten)
			}
		}
		mustEqual(t, m, content)
	})
}

func TestForgettingPagesDoesNotAllocate(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, _ []byte) {
		m := newMemory(t, image)
		defer mustClose(t, m)
		round := func() {
			for call := range 2 * checkEvery * checks {
				if _, err := m.Do(func() {
					if call == 0 {
						spread(m, 9, 0xff)
					}
				}); err != nil {
					t.Error(err)
				}
			}
		}
		if allocs := testing.AllocsPerRun(3, round); allocs != 0 {
			t.Errorf("%v allocations", allocs)
		}
	})
}

func TestPageSetForgetsWhatIsRemoved(t *testing.T) {
	s := newPageSet(256 * pageSize)
	s.add(60, 70)
	s.add(200, 201)
	s.remove(63, 66)
	s.remove(200, 201)
	s.rebuild()
	want := []pageRun{{60 * pageSize, 63 * pageSize}, {66 * pageSize, 70 * pageSize}}
	if !slices.Equal(s.runs, want) || s.count != 7 {
		t.Errorf("runs %v, count %d: expected %v, 7", s.runs, s.count, want)
	}
}
