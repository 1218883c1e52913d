package tenantdb

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestASavedStateIsLoadedCompletely(t *testing.T) {
	d := NewDirectory(Options{})
	at := time.Unix(1_790_000_000, 42)
	d.Replace(State{
		SyncedAt: at,
		Tenants:  []Tenant{tenant("1", "t1", "b", "2", "a", ""), tenant("2", "t2")},
		Domains:  []Domain{row("1", "x/naïve folder"), row("1", "!z"), row("1", "!>y/f"), row("2", "/e")},
	})
	path := filepath.Join(t.TempDir(), "state")
	for range 2 { // the second time it replaces the file
		if err := SaveState(path, d); err != nil {
			t.Fatal(err)
		}
	}
	s, err := LoadState(path)
	if err != nil {
		t.Fatal(err)
	}
	again := NewDirectory(Options{})
	if r := again.Replace(s); r.LeftOut != 0 {
		t.Fatal(r)
	}
	if got, want := contents(again), contents(d); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if m, _ := again.Primary("1"); m.Domain != "z" {
		t.Errorf("the first of two primary rows was %q", m.Domain)
	}
	if got := again.Stats().SyncedAt; !got.Equal(at) {
		t.Errorf("synced at %v, want %v", got, at)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("files left: %v %v", files, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
}

func TestADamagedStateFileIsRefused(t *testing.T) {
	d := NewDirectory(Options{})
	d.Replace(manyRows(3, 2, true))
	path := filepath.Join(t.TempDir(), "state")
	if err := SaveState(path, d); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 0x10
		if _, err := decodeState(bad); !errors.Is(err, ErrStateFile) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := decodeState(good[:i]); !errors.Is(err, ErrStateFile) {
			t.Fatalf("truncated at %d: %v", i, err)
		}
	}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadState(path); !errors.Is(err, ErrStateFile) || !strings.Contains(err.Error(), path) {
		t.Errorf("another file: %v", err)
	}
	if _, err := LoadState(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := SaveState(filepath.Join(path, "below", "a file"), d); err == nil {
		t.Error("saving below a file worked")
	}
}

// sealed appends a valid checksum, so that fuzzing reaches the code after its
// verification.
func sealed(body []byte) []byte {
	b := append([]byte(stateMagic), make([]byte, 8)...)
	b = append(b, body...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func FuzzDecodeState(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00"))
	f.Add([]byte("\x01\x011\x02t1\x01\x01a\x01b\x01\x03\x01d\x00"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := decodeState(body); err != nil && !errors.Is(err, ErrStateFile) {
			t.Fatal(err)
		}
		s, err := decodeState(sealed(body))
		if err != nil {
			if !errors.Is(err, ErrStateFile) {
				t.Fatal(err)
			}
			return
		}
		NewDirectory(Options{}).Replace(s)
	})
}

func BenchmarkStateFile(b *testing.B) {
	d := NewDirectory(Options{})
	d.Replace(manyRows(1_000_000, 1_000_000, false))
	path := filepath.Join(b.TempDir(), "state")
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			if err := SaveState(path, d); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			s, err := LoadState(path)
			if err != nil {
				b.Fatal(err)
			}
			d.Replace(s)
		}
	})
}
