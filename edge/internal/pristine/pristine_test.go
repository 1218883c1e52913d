package pristine

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

const maxBytes = guestMaxPages * wasmPage

// someContent is the content of test images: text, noise, and zeros.
func someContent() []byte {
	content := make([]byte, guestPages*wasmPage)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range content[:2*wasmPage] {
		content[i] = byte(r.Uint32())
	}
	copy(content[3*wasmPage:], "the end of the stack")
	return content
}

// eachImage runs a test with the system's kind of image, and with one on the heap.
func eachImage(t *testing.T, test func(t *testing.T, image *Image, content []byte)) {
	content := someContent()
	run := func(t *testing.T, image *Image) {
		t.Cleanup(func() {
			if err := image.Close(); err != nil {
				t.Error(err)
			}
			if image.memories != 0 {
				t.Errorf("%d memories are still open", image.memories)
			}
		})
		test(t, image, bytes.Clone(content))
	}
	t.Run("system", func(t *testing.T) { run(t, mustImage(t, content)) })
	t.Run("heap", func(t *testing.T) { run(t, newImage(newHeapCopy(content))) })
}

func mustImage(t testing.TB, content []byte) *Image {
	t.Helper()
	image, err := NewImage(content)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func newMemory(t testing.TB, image *Image) *Memory {
	t.Helper()
	m, err := image.NewMemory(maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mustReset(t testing.TB, m *Memory) ResetReport {
	t.Helper()
	r, err := m.Reset()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// equal checks the memory by Audit and, since that is under test too, by a direct
// comparison.
func equal(m *Memory, content []byte) error {
	if err := m.Audit(); err != nil {
		return err
	}
	if !bytes.Equal(m.Bytes(), content) {
		return errors.New("memory differs from its image, and Audit does not notice")
	}
	return nil
}

func mustEqual(t testing.TB, m *Memory, content []byte) {
	t.Helper()
	if err := equal(m, content); err != nil {
		t.Fatal(err)
	}
}

// set writes a byte as the host does.
func (m *Memory) set(at int, b byte) {
	m.Mark(uint32(at), 1)
	m.view[at] = b
}

// writeAll writes to all of a memory.
func writeAll(m *Memory) {
	m.Mark(0, uint32(len(m.view)))
	for i := range m.view {
		m.view[i]++
	}
}

// cycle makes one call that writes to the memory. It returns an error, for goroutines
// that cannot call t.Fatal.
func cycle(m *Memory, content []byte, write func(*Memory)) error {
	write(m)
	if _, err := m.Reset(); err != nil {
		return err
	}
	return equal(m, content)
}

func mustClose(t testing.TB, m *Memory) {
	t.Helper()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func onHeap(i *Image) bool {
	_, ok := i.source.(heapCopy)
	return ok
}
