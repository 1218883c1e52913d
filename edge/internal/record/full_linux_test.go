package record

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAFullDiskLosesOnlyWhatDoesNotFit(t *testing.T) {
	folder := t.TempDir()
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	defer func() {
		if err := unix.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	}()
	w := writer{options: &Options{Folder: folder, MaxBytes: 16 << 10, MaxFiles: 100, Logger: slog.Default()}}
	g := newGeneration("a")
	filler := filepath.Join(folder, "filler")
	failed := 0
	for n := range 4000 {
		e := newEntry(g, n)
		e.Request.Request.Target = "/" + Digest([]byte{byte(n), byte(n >> 8)}) // which does not compress
		w.add(e)
		if err := w.write(n%10 == 0, n == 3999); err != nil {
			failed++
		}
		if n == 1000 { // something else fills the disk, and removes it later
			_ = os.WriteFile(filler, make([]byte, 64<<10), 0o600)
		}
		if n == 2000 {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := w.taken()
	all := read(t, folder)
	if failed == 0 || s.Errors == 0 || s.Dropped == 0 || s.Written+s.Dropped != 4000 {
		t.Errorf("%d writes failed: %+v; expected some failures, and 4000 requests", failed, s)
	}
	if uint64(len(all)) != s.Written {
		t.Errorf("%d requests can be read, %d were counted", len(all), s.Written)
	}
	if last := all[len(all)-1].Time; last <= 2000 {
		t.Errorf("the last request is %d: expected writing to continue when there is room", last)
	}
}
