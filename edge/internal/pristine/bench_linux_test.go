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
func benchImage(b *testing.B) *Image {
	b.Helper()
	content := make([]byte, 38*wasmPage)
	for i := range content {
		content[i] = byte(i >> 3)
	}
	image := mustImage(b, content)
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

// BenchmarkReset measures one call that writes to some pages of 4 KiB, a byte or all of
// each: all that a call costs besides the guest. The processor time of a thread shows
// the interference of two threads on a machine with other load.
func BenchmarkReset(b *testing.B) {
	for _, size := range []int{1, 4096} {
		for _, pages := range []int{1, 2, 3, 10, 100} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("bytes=%d/pages=%d/threads=%d", size, pages, threads), func(b *testing.B) {
					benchReset(b, size, pages, threads)
				})
			}
		}
	}
}

func benchReset(b *testing.B, size, pages, threads int) {
	image := benchImage(b)
	memories := make([]*Memory, threads)
	for i := range memories {
		memories[i] = benchMemory(b, image)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var done sync.WaitGroup
	var busy atomic.Int64
	for _, m := range memories {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			start := threadTime(b)
			defer func() { busy.Add(threadTime(b) - start) }()
			for range b.N {
				for p := range pages {
					m.Mark(uint32(p*6*4096), uint32(size))
					m.view[p*6*4096]++
				}
				if _, err := m.Reset(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	done.Wait()
	b.ReportMetric(float64(busy.Load())/float64(threads*b.N), "cpu-ns/op")
}

// threadTime returns the processor time of the thread, in nanoseconds.
func threadTime(b *testing.B) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Error(err)
	}
	return t.Nano()
}

// BenchmarkNewMemory measures the memory of a further instance, with the faults of
// its first call.
func BenchmarkNewMemory(b *testing.B) {
	for _, pages := range []int{0, 10} {
		b.Run(fmt.Sprintf("written=%d", pages), func(b *testing.B) {
			image := benchImage(b)
			for b.Loop() {
				m, err := image.NewMemory(64 << 20)
				if err != nil {
					b.Fatal(err)
				}
				for p := range pages {
					m.set(p*6*4096, 1)
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
	image := benchImage(b)
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

func BenchmarkAudit(b *testing.B) {
	m := benchMemory(b, benchImage(b))
	for b.Loop() {
		if err := m.Audit(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGrowth measures a call that grows the memory by a page and writes to it,
// and the undo.
func BenchmarkGrowth(b *testing.B) {
	m := benchMemory(b, benchImage(b))
	m.Bind(hostView{m})
	for b.Loop() {
		if _, ok := (hostView{m}).Grow(1); !ok {
			b.Fatal("no growth")
		}
		m.Bytes()[38*wasmPage] = 1
		if _, err := m.Reset(); err != nil {
			b.Fatal(err)
		}
	}
}
