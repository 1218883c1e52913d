package pristine

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
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

// eachImage runs a test with an image for every method, and with one on the heap, as
// on systems that cannot share one. A method that does not work must have a reason.
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
	for _, m := range methods {
		t.Run(m.String(), func(t *testing.T) {
			image, err := NewImage(content, Options{Method: m})
			if reason := Probe().Refused[m]; reason != nil {
				t.Logf("this machine has no %s: %v", m, reason)
				if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), reason.Error()) {
					t.Fatalf("NewImage: %v, expected ErrUnsupported with the reason", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if image.Method() != m {
				t.Fatalf("the image's method is %s", image.Method())
			}
			run(t, image)
		})
	}
	t.Run("heap", func(t *testing.T) { run(t, heapImage(content)) })
}

// heapImage returns an image as on systems that cannot share one.
func heapImage(content []byte) *Image {
	return newImage(newHeapCopy(content), compareOnly(errors.New("not wanted")), DefaultRetireAbove)
}

func newMemory(t testing.TB, image *Image) *Memory {
	t.Helper()
	m, err := image.NewMemory(maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// onOneThread runs f locked to its thread.
func onOneThread(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f()
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

// cycle makes one call that writes to the memory. It returns an error, for goroutines
// that cannot call t.Fatal.
func cycle(m *Memory, content []byte, write func(view []byte)) error {
	m.Begin()
	write(m.Bytes())
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
