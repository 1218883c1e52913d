package abi

import (
	"bytes"
	"errors"
	"testing"
)

func TestAppendWritesTheExampleOfFileStat(t *testing.T) {
	want := []byte{
		0x05, 0, 0, 0, 0, 0, 0, 0,
		0x00, 0xca, 0x9a, 0x3b, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0,
	}
	s := FileStat{Size: 5, Modified: 1e9}
	if got := s.Append(nil); !bytes.Equal(got, want) {
		t.Fatalf("% x, want % x", got, want)
	}
	if got, err := ParseFileStat(append(want, 1)); err != nil || got != s {
		t.Errorf("parsed %+v, error %v, want %+v", got, err, s)
	}
	if _, err := ParseFileStat(want[:FileStatSize-1]); !errors.Is(err, ErrMalformed) {
		t.Errorf("one byte short: error %v, want ErrMalformed", err)
	}
}

func FuzzFileStat(f *testing.F) {
	f.Add(FileStat{Size: 5, Modified: -1}.Append(nil))
	f.Add(FileStat{Folder: true}.Append(nil)[:FileStatSize-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseFileStat(b)
		if (err == nil) != (len(b) >= FileStatSize) {
			t.Fatalf("%d bytes: error %v", len(b), err)
		}
		if err != nil {
			return
		}
		if again, err := ParseFileStat(s.Append(nil)); err != nil || again != s {
			t.Fatalf("encoding and parsing %+v returns %+v, error %v", s, again, err)
		}
	})
}
