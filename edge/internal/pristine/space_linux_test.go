package pristine

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// writable reports whether the kernel may write to the byte. If so, the byte is zero
// afterwards.
func writable(t *testing.T, zeros *os.File, b []byte) bool {
	t.Helper()
	_, err := zeros.Read(b)
	if err != nil && !errors.Is(err, unix.EFAULT) {
		t.Fatal(err)
	}
	return err == nil
}

func TestUnusedAddressSpaceCannotBeWritten(t *testing.T) {
	zeros, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer zeros.Close()
	s, err := newMappedSpace(8 * wasmPage)
	if err != nil {
		t.Fatal(err)
	}
	defer s.release()
	steps := []struct {
		name string
		do   func(int) error
		size int
	}{
		{"new", func(int) error { return nil }, 0},
		{"grown", s.grow, 3 * wasmPage},
		{"grown again", s.grow, 5 * wasmPage},
		{"shrunk", s.shrink, 2 * wasmPage},
		{"shrunk to what it was", s.shrink, 2 * wasmPage},
		{"grown to the end", s.grow, 8 * wasmPage},
	}
	for _, step := range steps {
		if err := step.do(step.size); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		for at := 0; at < len(s.reserved); at += wasmPage {
			if want := at < step.size; writable(t, zeros, s.reserved[at:][:1]) != want {
				t.Errorf("%s to %d bytes: the byte at %d can be written: %v, expected %v", step.name, step.size, at, !want, want)
			}
		}
		for i, b := range s.bytes() {
			if b != 0 {
				t.Fatalf("%s: byte %d is %#x: expected 0", step.name, i, b)
			}
		}
		if step.size == 5*wasmPage { // after shrinking and growing, these bytes must be zero again
			dirty := s.bytes()[2*wasmPage:]
			for i := range dirty {
				dirty[i] = 0xff
			}
		}
	}
	if err := s.grow(9 * wasmPage); err == nil {
		t.Error("a space grows beyond its reservation")
	}
}
