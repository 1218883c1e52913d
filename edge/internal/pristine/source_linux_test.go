package pristine

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestImageCannotBeWritten(t *testing.T) {
	f, err := newFrozenFile(someContent())
	if err != nil {
		t.Logf("this machine freezes no images: %v", err)
		return
	}
	if _, err := unix.Pwrite(f.fd, []byte{1}, 0); err != unix.EPERM {
		t.Errorf("writing to the image's file: %v, expected %v", err, unix.EPERM)
	}
	if err := unix.Ftruncate(f.fd, 0); err != unix.EPERM {
		t.Errorf("truncating the image's file: %v, expected %v", err, unix.EPERM)
	}
	if err := f.release(); err != nil {
		t.Error(err)
	}
}

func TestImageIsOnTheHeapIfNoFileCanBeMade(t *testing.T) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	limit := old
	limit.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	image, err := NewImage(someContent())
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	if _, ok := image.source.(heapCopy); !ok {
		t.Errorf("the image is %T", image.source)
	}
	m := newMemory(t, image)
	defer mustClose(t, m)
	if err := cycle(m, someContent(), writeAll); err != nil {
		t.Error(err)
	}
}

// footprint counts what could leak: mappings of images, files, address space.
type footprint struct {
	mappings, files int
	addresses       int64
}

func measure(t *testing.T) footprint {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	var p footprint
	p.mappings = strings.Count(string(maps), fileName)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		target, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		if strings.Contains(target, fileName) {
			p.files++
		}
	}
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range strings.Fields(string(status))[0] {
		p.addresses = p.addresses*10 + int64(c-'0')
	}
	p.addresses *= int64(os.Getpagesize())
	return p
}

func TestNothingLeaksOverManyMemories(t *testing.T) {
	const reserve = 1 << 30
	before := measure(t)
	for range 20 {
		image, err := NewImage(someContent())
		if err != nil {
			t.Fatal(err)
		}
		var memories []*Memory
		for range 10 {
			m, err := image.NewMemory(reserve)
			if err != nil {
				t.Fatal(err)
			}
			m.Reallocate(uint64(image.Size()) + 4*wasmPage)
			memories = append(memories, m)
		}
		// A failure must not leak either.
		if _, err := image.NewMemory(0); err == nil {
			t.Fatal("NewMemory accepts a maximum of 0 bytes")
		}
		if err := image.Close(); err != nil {
			t.Fatal(err)
		}
		for _, m := range memories {
			mustClose(t, m)
		}
	}
	after := measure(t)
	if after.mappings != before.mappings || after.files != before.files {
		t.Errorf("%+v before, %+v after", before, after)
	}
	if after.addresses-before.addresses > 10*reserve { // of 200 times reserve
		t.Errorf("address space grew from %d to %d bytes", before.addresses, after.addresses)
	}
}

func TestNothingLeaksWhenTheSystemRefuses(t *testing.T) {
	image, err := NewImage(someContent())
	if err != nil {
		t.Fatal(err)
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &old); err != nil {
		t.Fatal(err)
	}
	before := measure(t)
	// Enough address space for what exists and for Go, but not for 4 GiB more.
	limit := old
	limit.Cur = uint64(before.addresses) + 1<<30
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &limit); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if m, err := image.NewMemory(1 << 32); err == nil {
			t.Error("4 GiB of address space are reserved, although the system allows 1")
			mustClose(t, m)
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &old); err != nil {
		t.Fatal(err)
	}
	if err := image.Close(); err != nil {
		t.Fatal(err)
	}
	if image.memories != 0 {
		t.Errorf("%d memories are counted, expected 0", image.memories)
	}
}
