package pristine

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
)

// scribble writes to a memory as a request may, by host and guest, between Begin and
// Reset.
func scribble(g *guest, r *rand.Rand) {
	view := g.memory.Bytes()
	for range r.IntN(12) {
		addr := r.IntN(len(view))
		switch r.IntN(16) {
		default:
			g.must("store", uint64(addr), uint64(r.Uint32()))
		case 0, 1, 2, 3:
			view[addr]++
		case 4, 5:
			end := min(addr+r.IntN(3*pageSize), len(view))
			clear(view[addr:end])
		case 6:
			g.must("fill", uint64(addr), uint64(r.Uint32()), uint64(r.IntN(min(2*pageSize, len(view)-addr)+1)))
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
	patterns := 4000
	if testing.Short() {
		patterns = 400
	}
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		onOneThread(func() {
			instantiate := guests(t, wazero.NewRuntimeConfig())
			r := rand.New(rand.NewPCG(7, uint64(image.Method())))
			var g *guest
			retired := 0
			for range patterns {
				if g == nil {
					g = instantiate(newMemory(t, image))
					g.memory.Bind(g.module.Memory())
				}
				var report ResetReport
				if r.IntN(2) == 0 {
					g.memory.Begin()
					scribble(g, r)
					report = mustReset(t, g.memory)
				} else {
					var err error
					if report, err = g.memory.Do(func() { scribble(g, r) }); err != nil {
						t.Fatal(err)
					}
				}
				if report.Retire == Grown {
					g.close()
					g, retired = nil, retired+1
					continue
				}
				mustEqual(t, g.memory, content)
				if report.Retire != Keep {
					g.close()
					g, retired = nil, retired+1
				}
			}
			if g != nil {
				g.close()
			}
			t.Logf("%d patterns, %d memories retired", patterns, retired)
		})
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
				write := func(view []byte) {
					for range 5 {
						view[r.IntN(len(view))]++
					}
				}
				onOneThread(func() {
					for range 200 {
						err := cycle(a, content, func(view []byte) {
							write(view)
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
			})
		}
		done.Wait()
	})
}

// A pool passes a memory between goroutines, and so between threads. Each call stays
// on one.
func TestMemoryMovesBetweenThreads(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		pool := make(chan *Memory, 2)
		pool <- newMemory(t, image)
		pool <- newMemory(t, image)
		var done sync.WaitGroup
		for worker := range 4 {
			done.Go(func() {
				r := rand.New(rand.NewPCG(uint64(worker), 4))
				for range 200 {
					m := <-pool
					onOneThread(func() {
						if err := cycle(m, content, func(view []byte) { view[r.IntN(len(view))]++ }); err != nil {
							t.Error(err)
						}
					})
					pool <- m
				}
			})
		}
		done.Wait()
		mustClose(t, <-pool)
		mustClose(t, <-pool)
	})
}

func TestGateAvoidsTheSearchWhileTheSamePagesAreWritten(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		defer mustClose(t, m)
		onOneThread(func() {
			unsearched := 0
			for i := range 200 {
				m.Begin()
				for _, addr := range []int{0, 5 * pageSize, len(content) - 1} {
					m.Bytes()[addr] = byte(i)
				}
				if r := mustReset(t, m); r.Searched == NotSearched {
					unsearched++
				}
				mustEqual(t, m, content)
			}
			// A thread may fault because of the runtime, but not every time.
			if gated := image.Method().gated(); gated != (unsearched > 100) {
				t.Errorf("%d of 200 resets did not search", unsearched)
			}
		})
	})
}

func TestOnePageIsPrivateAfterOneWrite(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		defer mustClose(t, m)
		onOneThread(func() {
			mustReset(t, m)
			m.Begin()
			m.Bytes()[wasmPage] ^= 1
			r := mustReset(t, m)
			if r.Pages != 1 {
				t.Errorf("%d pages were copied: expected 1", r.Pages)
			}
			if image.Method() != Compare && r.NewPages != 1 {
				t.Errorf("%d pages were found: expected 1", r.NewPages)
			}
			mustEqual(t, m, content)
		})
	})
}

// Violations of the contract cause a search, or Audit finds them.
func TestResetSearchesWhenItCannotTrustTheCount(t *testing.T) {
	begin := func(m *Memory) { onOneThread(m.Begin) }
	write := func(m *Memory) { m.Bytes()[2*wasmPage]++ }
	tests := []struct {
		name string
		call func(t *testing.T, m *Memory) ResetReport
		want Cause
	}{
		{"first use", func(t *testing.T, m *Memory) ResetReport {
			fresh, err := m.image.NewMemory(maxBytes)
			if err != nil {
				t.Fatal(err)
			}
			defer mustClose(t, fresh)
			fresh.Begin()
			write(fresh)
			return mustReset(t, fresh)
		}, Unsure},
		{"reset without begin", func(t *testing.T, m *Memory) ResetReport {
			write(m)
			return mustReset(t, m)
		}, NotBegun},
		{"reset twice", func(t *testing.T, m *Memory) ResetReport {
			begin(m)
			mustReset(t, m)
			write(m)
			return mustReset(t, m)
		}, NotBegun},
		{"a call that was given up", func(t *testing.T, m *Memory) ResetReport {
			m.Begin()
			write(m)
			m.Begin()
			return mustReset(t, m)
		}, Unsure},
		{"a call that panicked", func(t *testing.T, m *Memory) ResetReport {
			func() {
				defer func() { _ = recover() }()
				_, _ = m.Do(func() { write(m); panic("guest") })
			}()
			r, err := m.Do(func() {})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}, Unsure},
		{"reset on another thread", func(t *testing.T, m *Memory) ResetReport {
			return elsewhere(func() { m.Begin(); write(m) }, func() ResetReport { return mustReset(t, m) })
		}, OtherThread},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			eachImage(t, func(t *testing.T, image *Image, content []byte) {
				onOneThread(func() {
					m := newMemory(t, image)
					defer mustClose(t, m)
					mustReset(t, m)
					r := test.call(t, m)
					want := test.want
					if !image.Method().gated() {
						want = EveryTime
					}
					if r.Searched != want {
						t.Errorf("searched because of %q: expected %q", r.Searched, want)
					}
					mustEqual(t, m, content)
				})
			})
		})
	}
}

// elsewhere runs first on another thread, keeps that thread busy, and runs second on
// the caller's.
func elsewhere(first func(), second func() ResetReport) ResetReport {
	begun, end := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		first()
		close(begun)
		<-end
	})
	<-begun
	r := second()
	close(end)
	done.Wait()
	return r
}

func TestResetAsksForRetirementAboveTheLimit(t *testing.T) {
	const most, limit = 40, 10
	content := make([]byte, (2*most*pageSize+wasmPage-1)/wasmPage*wasmPage)
	for _, method := range methods[:len(methods)-1] {
		t.Run(method.String(), func(t *testing.T) {
			image, err := NewImage(content, Options{Method: method, RetireAbove: limit})
			if err != nil {
				if !errors.Is(err, ErrUnsupported) {
					t.Fatal(err)
				}
				t.Logf("this machine has no %s: %v", method, err)
				return
			}
			defer image.Close()
			m, err := image.NewMemory(uint64(len(content)))
			if err != nil {
				t.Fatal(err)
			}
			defer mustClose(t, m)
			onOneThread(func() {
				for pages := 1; pages <= most; pages++ {
					m.Begin()
					m.Bytes()[(pages-1)*2*pageSize] = 1 // no two are adjacent
					r := mustReset(t, m)
					if r.Pages != pages {
						t.Fatalf("%d pages copied: expected %d", r.Pages, pages)
					}
					if want := map[bool]Reason{true: TooManyPages}[pages > limit]; r.Retire != want {
						t.Fatalf("reason to retire with %d pages is %q: expected %q", pages, r.Retire, want)
					}
					mustEqual(t, m, content)
				}
			})
		})
	}
}

func TestResetDoesNotAllocate(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		defer mustClose(t, m)
		onOneThread(func() {
			allocs := testing.AllocsPerRun(100, func() {
				m.Begin()
				m.Bytes()[wasmPage]++
				mustReset(t, m)
			})
			if allocs != 0 {
				t.Errorf("%v allocations a reset", allocs)
			}
			allocs = testing.AllocsPerRun(100, func() {
				if _, err := m.Do(func() { m.Bytes()[wasmPage]++ }); err != nil {
					t.Error(err)
				}
			})
			if allocs != 0 {
				t.Errorf("%v allocations a Do", allocs)
			}
		})
	})
}

func TestMemoryWithoutImageCannotBeReset(t *testing.T) {
	m, err := NewMemory(maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, m)
	m.Begin()
	if _, err := m.Reset(); !errors.Is(err, ErrNoImage) {
		t.Errorf("Reset: %v", err)
	}
	if _, err := m.Do(func() { t.Error("called") }); !errors.Is(err, ErrNoImage) {
		t.Errorf("Do: %v", err)
	}
	if err := m.Audit(); !errors.Is(err, ErrNoImage) {
		t.Errorf("Audit: %v", err)
	}
}
