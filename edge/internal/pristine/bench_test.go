package pristine

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// benchImage is as large as a Go guest's memory, 2.4 MB.
func benchImage(b *testing.B, m Method) *Image {
	b.Helper()
	content := make([]byte, 38*wasmPage)
	for i := range content {
		content[i] = byte(i >> 3)
	}
	image, err := NewImage(content, Options{Method: m, RetireAbove: 1000})
	if err != nil {
		b.Skip(err)
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

// BenchmarkReset is one call that writes a byte to each of some pages, Begin
// and Reset included, as one thread sees it. For interleaved rounds, run it
// several times with -count 1.
func BenchmarkReset(b *testing.B) {
	for _, method := range methods {
		for _, pages := range []int{1, 3, 10, 100} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/pages=%d/threads=%d", method, pages, threads), func(b *testing.B) {
					image := benchImage(b, method)
					b.ReportAllocs()
					var done sync.WaitGroup
					for range threads {
						m := benchMemory(b, image)
						done.Go(func() { benchReset(b, m, pages) })
					}
					done.Wait()
				})
			}
		}
	}
}

func benchReset(b *testing.B, m *Memory, pages int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	view := m.Bytes()
	for range b.N {
		m.Begin()
		for p := range pages {
			view[p*6*pageSize]++
		}
		if _, err := m.Reset(); err != nil {
			b.Error(err)
			return
		}
	}
}

// BenchmarkDo is BenchmarkReset by Do, with the best method.
func BenchmarkDo(b *testing.B) {
	for _, pages := range []int{1, 3, 10, 100} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("pages=%d/threads=%d", pages, threads), func(b *testing.B) {
				image := benchImage(b, Auto)
				b.ReportAllocs()
				var done sync.WaitGroup
				for range threads {
					m := benchMemory(b, image)
					view := m.Bytes()
					done.Go(func() {
						for range b.N {
							_, err := m.Do(func() {
								for p := range pages {
									view[p*6*pageSize]++
								}
							})
							if err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				done.Wait()
			})
		}
	}
}

// BenchmarkBegin is what the gate costs before a call.
func BenchmarkBegin(b *testing.B) {
	m := benchMemory(b, benchImage(b, GatedScan))
	for b.Loop() {
		m.Begin()
	}
}

// BenchmarkLockedCall is a call on a goroutine that locks its thread for it.
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

// BenchmarkNewMemory is what a further instance's memory costs, with the first
// call's faults.
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

// BenchmarkInstantiate is the same through wazero, with the smallest of guests.
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

// BenchmarkGrowth is a call that grows the memory by a page, writes to it, and
// has it taken back.
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
