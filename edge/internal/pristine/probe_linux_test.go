package pristine

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Answers of a kernel that implements the calls, but not their semantics.
type (
	blindFinder  struct{}
	eagerFinder  struct{}
	brokenFinder struct{}
)

var errBroken = errors.New("inappropriate ioctl for device")

func (blindFinder) find([]byte, *pageSet) error  { return nil }
func (brokenFinder) find([]byte, *pageSet) error { return errBroken }
func (eagerFinder) find(memory []byte, known *pageSet) error {
	known.add(0, len(memory)/pageSize)
	known.rebuild()
	return nil
}

func TestProbeRefusesMethodsThatDoNotWork(t *testing.T) {
	counted := func(write func()) bool { write(); return true }
	uncounted := func(write func()) bool { write(); return false }
	tests := []struct {
		name   string
		finder finder // nil: the best of the machine
		moves  func(func()) bool
		want   string // part of the error
	}{
		{"faults are not counted", blindFinder{}, uncounted, "does not count as a fault"},
		{"written pages are not found", blindFinder{}, counted, "expected [{0 "},
		{"unwritten pages are found", eagerFinder{}, counted, "expected [{0 "},
		{"the call fails", brokenFinder{}, counted, errBroken.Error()},
	}
	content := make([]byte, 4*wasmPage)
	content[2*wasmPage] = 2
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := verify(append([]byte(nil), content...), test.finder, test.moves); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("verify: %v, expected an error with %q", err, test.want)
			}
		})
	}
	t.Run("the mapping shows something else", func(t *testing.T) {
		if err := verify(make([]byte, 4*wasmPage), blindFinder{}, counted); err == nil {
			t.Error("verify accepts a memory that differs from its image")
		}
	})
}

func TestSearchFailsWithTheKernelsReason(t *testing.T) {
	for _, f := range []finder{&pagemapScan{fd: -1}, &pagemapRead{fd: -1}} {
		known := newPageSet(wasmPage)
		err := f.find(make([]byte, wasmPage), &known)
		if !errors.Is(err, unix.EBADF) && !errors.Is(err, unix.ENOSYS) {
			t.Errorf("%T on a closed file: %v, expected %v", f, err, unix.EBADF)
		}
	}
}

// After an error, a memory must not be trusted.
func TestFailedSearchIsRepeated(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		defer mustClose(t, m)
		if m.finder == nil {
			return // without a search
		}
		onOneThread(func() {
			works := m.finder
			m.finder = brokenFinder{}
			m.Begin()
			m.Bytes()[wasmPage]++
			if _, err := m.Reset(); !errors.Is(err, errBroken) {
				t.Fatalf("Reset with a search that fails: %v", err)
			}
			m.finder = works
			m.Begin()
			mustReset(t, m)
			mustEqual(t, m, content)
		})
	})
}

// On other machines a broken method could look like one that is unsupported.
func TestProbeRefusesNoMethodThatTheKernelSupports(t *testing.T) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	release := unix.ByteSliceToString(name.Release[:])
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		t.Fatalf("kernel release %q: %v", release, err)
	}
	pagemap, err := os.Open("/proc/self/pagemap")
	if err != nil {
		t.Logf("this process may not read its page map: %v", err)
		return
	}
	pagemap.Close()
	refused := Probe().Refused
	if major < 6 || major == 6 && minor < 7 {
		t.Logf("kernel %s is older than PAGEMAP_SCAN; refused: %v", release, refused)
		return
	}
	for m, reason := range refused {
		if errors.Is(reason, unix.ENOSYS) { // an emulator's answer, no kernel's
			t.Logf("this is an emulator: %s: %v", m, reason)
			continue
		}
		t.Errorf("kernel %s: refused %s: %v", release, m, reason)
	}
}
