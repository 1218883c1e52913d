package pristine

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

func TestImageIsBuiltInAPlainMemory(t *testing.T) {
	instantiate := guests(t, wazero.NewRuntimeConfig())
	plain, err := NewMemory(maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	builder := instantiate(plain)
	builder.must("fill", 100, 7, 200)
	builder.must("grow", 2)
	builder.must("store", (guestPages+1)*wasmPage, 9)
	content := bytes.Clone(plain.Bytes())
	if len(content) != (guestPages+2)*wasmPage {
		t.Fatalf("the plain memory is %d bytes long", len(content))
	}
	image, err := NewImage(plain.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	builder.must("fill", 0, 0xff, wasmPage) // the image is a copy
	builder.close()

	g := instantiate(newMemory(t, image))
	defer g.close()
	mustEqual(t, g.memory, content)
	if b := g.must("load", 150); b != 7 {
		t.Errorf("the guest reads %d: expected 7", b)
	}
}

func TestMemoryStaysReadableUntilItsOwnerClosesIt(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		g := guests(t, wazero.NewRuntimeConfig())(newMemory(t, image))
		view, _ := g.module.Memory().Read(0, uint32(len(content)))
		if err := g.memory.Close(); !errors.Is(err, ErrInUse) {
			t.Fatalf("closing the memory of an open module: %v, expected ErrInUse", err)
		}
		if err := g.module.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(view, content) {
			t.Error("a view changed when its module was closed")
		}
		for range 2 {
			mustClose(t, g.memory)
		}
		if _, err := g.memory.Reset(); !errors.Is(err, ErrClosed) {
			t.Errorf("Reset after Close: %v", err)
		}
		if err := g.memory.Audit(); !errors.Is(err, ErrClosed) {
			t.Errorf("Audit after Close: %v", err)
		}
		if b := g.memory.Reallocate(wasmPage); b != nil {
			t.Errorf("Reallocate after Close returned %d bytes", len(b))
		}
	})
}

func TestMemoryOfAFailedInstantiationIsFreedByItsOwner(t *testing.T) {
	ctx := context.Background()
	runtime := wazero.NewRuntime(ctx)
	defer runtime.Close(ctx)
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		if _, err := runtime.Instantiate(experimental.WithMemoryAllocator(ctx, m), guestWasm(true)); err == nil {
			t.Fatal("a start function that traps does not fail instantiation")
		}
		m.Free()
		mustClose(t, m)
	})
}

func TestMemoryServesOneInstantiation(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		m.Allocate(0, 0)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a second Allocate does not panic")
				}
			}()
			m.Allocate(0, 0)
		}()
		m.Free()
		mustClose(t, m)
	})
}

func TestImageOutlivesItsMemories(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		for range 2 {
			if err := image.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := image.NewMemory(maxBytes); !errors.Is(err, ErrClosed) {
			t.Errorf("NewMemory after Close: %v", err)
		}
		if err := cycle(m, content, writeAll); err != nil {
			t.Error(err)
		}
		mustClose(t, m)
	})
}

func TestMemoriesAreMadeAndClosedConcurrently(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		var done sync.WaitGroup
		for range 4 {
			done.Go(func() {
				for range 50 {
					m, err := image.NewMemory(maxBytes)
					if err != nil {
						t.Error(err)
						return
					}
					if err := cycle(m, content, func(m *Memory) { m.set(0, 1) }); err != nil {
						t.Error(err)
					}
					mustClose(t, m)
				}
			})
		}
		done.Wait()
	})
}

func TestSizesAreChecked(t *testing.T) {
	for _, size := range []int{0, 1, wasmPage - 1, wasmPage + 4096} {
		if _, err := NewImage(make([]byte, size)); err == nil {
			t.Errorf("NewImage accepts %d bytes", size)
		}
	}
	image, err := NewImage(make([]byte, 2*wasmPage))
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	for _, max := range []uint64{0, wasmPage, 1<<32 + 1, 1 << 63, ^uint64(0)} {
		if _, err := image.NewMemory(max); err == nil {
			t.Errorf("an image of %d bytes accepts a memory of at most %d", 2*wasmPage, max)
		}
		if _, err := NewMemory(max); err == nil && max != wasmPage {
			t.Errorf("NewMemory accepts at most %d bytes", max)
		}
	}
}
