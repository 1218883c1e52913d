package pristine

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"
)

// benchImage has the size of a Go guest's memory, 2.4 MB.
func benchImage(b *testing.B, m Method) *Image {
	b.Helper()
	content := make([]byte, 38*wasmPage)
	for i := range content {
		content[i] = byte(i >> 3)
	}
	image, err := NewImage(content, Options{Method: m, RetireAbove: 1000})
	if err != nil {
		b.Skipf("this machine has no %s: %v", m, err)
	}
	b.Cleanup(func() { image.Close() })
	return image
}

func benchMemory(b *testing.B, image *Image) *Memory {
	b.Helper()
	m, err := image.NewMemory(64 << 20)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { m.Close() })
	return m
}

// BenchmarkReset measures one call that writes a byte to each of some pages: all that
// a call costs besides the guest. The processor time of a thread shows the
// interference of two threads on a machine with other load. For interleaved rounds,
// run it several times with -count 1.
func BenchmarkReset(b *testing.B) {
	benchCalls(b, "Do", GatedScan, func(m *Memory, write func()) error {
		_, err := m.Do(write)
		return err
	})
	for _, method := range methods {
		benchCalls(b, method.String(), method, func(m *Memory, write func()) error {
			m.Begin()
			write()
			_, err := m.Reset()
			return err
		})
	}
}

func benchCalls(b *testing.B, name string, method Method, call func(m *Memory, write func()) error) {
	for _, pages := range []int{1, 3, 10, 100} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/pages=%d/threads=%d", name, pages, threads), func(b *testing.B) {
				image := benchImage(b, method)
				memories := make([]*Memory, threads)
				for i := range memories {
					memories[i] = benchMemory(b, image)
				}
				b.ReportAllocs()
				b.ResetTimer()
				var done sync.WaitGroup
				var busy atomic.Int64
				for _, m := range memories {
					view := m.Bytes()
					write := func() {
						for p := range pages {
							view[p*6*pageSize]++
						}
					}
					done.Go(func() {
						onOneThread(func() {
							start := threadTime(b)
							defer func() { busy.Add(threadTime(b) - start) }()
							for range b.N {
								if err := call(m, write); err != nil {
									b.Error(err)
									return
								}
							}
						})
					})
				}
				done.Wait()
				b.ReportMetric(float64(busy.Load())/float64(threads*b.N), "cpu-ns/op")
			})
		}
	}
}

// threadTime returns the processor time of the thread, in nanoseconds.
func threadTime(b *testing.B) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Error(err)
	}
	return t.Nano()
}

// BenchmarkBegin measures the gate before a call.
func BenchmarkBegin(b *testing.B) {
	m := benchMemory(b, benchImage(b, GatedScan))
	for b.Loop() {
		m.Begin()
	}
}

// BenchmarkLockedCall measures a call on a goroutine that locks its thread for it.
func BenchmarkLockedCall(b *testing.B) {
	m := benchMemory(b, benchImage(b, GatedScan))
	for b.Loop() {
		runtime.LockOSThread()
		m.Begin()
		m.Bytes()[0]++
		if _, err := m.Reset(); err != nil {
			b.Fatal(err)
		}
		runtime.UnlockOSThread()
	}
}

// BenchmarkNewMemory measures the memory of a further instance, with the faults of
// its first call.
func BenchmarkNewMemory(b *testing.B) {
	for _, pages := range []int{0, 10} {
		b.Run(fmt.Sprintf("written=%d", pages), func(b *testing.B) {
			image := benchImage(b, Auto)
			for b.Loop() {
				m, err := image.NewMemory(64 << 20)
				if err != nil {
					b.Fatal(err)
				}
				for p := range pages {
					m.Bytes()[p*6*pageSize]++
				}
				if _, err := m.Reset(); err != nil {
					b.Fatal(err)
				}
				if err := m.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInstantiate is the same through wazero, with a minimal guest.
func BenchmarkInstantiate(b *testing.B) {
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	compiled, err := r.CompileModule(ctx, guestWasm(false))
	if err != nil {
		b.Fatal(err)
	}
	image := benchImage(b, Auto)
	for b.Loop() {
		m, err := image.NewMemory(64 << 20)
		if err != nil {
			b.Fatal(err)
		}
		module, err := r.InstantiateModule(experimental.WithMemoryAllocator(ctx, m), compiled, wazero.NewModuleConfig().WithName(""))
		if err != nil {
			b.Fatal(err)
		}
		if err := module.Close(ctx); err != nil {
			b.Fatal(err)
		}
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProbe(b *testing.B) {
	for b.Loop() {
		Probe()
	}
}

func BenchmarkAudit(b *testing.B) {
	m := benchMemory(b, benchImage(b, Auto))
	for b.Loop() {
		if err := m.Audit(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGrowth measures a call that grows the memory by a page and writes to it,
// and the undo.
func BenchmarkGrowth(b *testing.B) {
	m := benchMemory(b, benchImage(b, Auto))
	m.Bind(hostView{m})
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for b.Loop() {
		m.Begin()
		if _, ok := (hostView{m}).Grow(1); !ok {
			b.Fatal("no growth")
		}
		m.Bytes()[38*wasmPage] = 1
		if _, err := m.Reset(); err != nil {
			b.Fatal(err)
		}
	}
}
