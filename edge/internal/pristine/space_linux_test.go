package pristine

import (
	"runtime/debug"
	"testing"
)

// touches tells whether the byte can be read.
func touches(b *byte) (ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { ok = recover() == nil }()
	_ = *b
	return true
}

func TestWhatIsReservedButNotUsedIsOutOfReach(t *testing.T) {
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
			if want := at < step.size; touches(&s.reserved[at]) != want {
				t.Errorf("%s to %d bytes: the byte at %d can be read: %v, expected %v", step.name, step.size, at, !want, want)
			}
		}
		for i, b := range s.bytes() {
			if b != 0 {
				t.Fatalf("%s: byte %d is %#x: expected 0", step.name, i, b)
			}
		}
		if step.size == 5*wasmPage { // what comes back after shrinking must not
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
