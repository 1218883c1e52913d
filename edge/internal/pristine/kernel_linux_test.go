package pristine

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// read(2) and similar calls fault in the kernel, on the calling thread.
func TestWritesOfTheKernelAreNoticed(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		defer mustClose(t, m)
		var pipe [2]int
		if err := unix.Pipe(pipe[:]); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pipe[0])
		defer unix.Close(pipe[1])
		onOneThread(func() {
			mustReset(t, m)
			for page := range 20 {
				err := cycle(m, content, func(view []byte) {
					if _, err := unix.Write(pipe[1], []byte("tenant")); err != nil {
						t.Fatal(err)
					}
					if n, err := unix.Read(pipe[0], view[page*pageSize:][:6]); err != nil || n != 6 {
						t.Fatal(n, err)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	})
}

// MADV_PAGEOUT removes pages from the page table: private ones go to swap, if there
// is any, the image's are dropped.
func TestPagesThatWereReclaimedAreStillKnown(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		defer mustClose(t, m)
		if _, mapped := m.space.(*mappedSpace); !mapped {
			return
		}
		onOneThread(func() {
			for range 20 {
				err := cycle(m, content, func(view []byte) {
					view[0], view[wasmPage] = 1, 1
					if err := unix.Madvise(view, unix.MADV_PAGEOUT); err != nil {
						t.Logf("this kernel reclaims no page on demand: %v", err)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := unix.Madvise(m.Bytes(), unix.MADV_PAGEOUT); err != nil {
					t.Logf("this kernel reclaims no page on demand: %v", err)
				}
			}
		})
	})
}

// A child process shares the parent's memory until it executes a program. In a new
// user namespace it copies it, which makes the parent's private pages read-only
// again. The children here fail to execute /dev/null.
func TestStartingAProcessDuringACallChangesNothing(t *testing.T) {
	children := map[string]uintptr{"borrowing": 0, "copying": syscall.CLONE_NEWUSER}
	for name, flags := range children {
		t.Run(name, func(t *testing.T) {
			eachImage(t, func(t *testing.T, image *Image, content []byte) {
				m := newMemory(t, image)
				defer mustClose(t, m)
				write := func(view []byte) { view[0]++ }
				onOneThread(func() {
					for range 10 {
						err := cycle(m, content, func(view []byte) {
							write(view)
							attributes := &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Cloneflags: flags}}
							if _, err := syscall.ForkExec("/dev/null", nil, attributes); err != syscall.EACCES {
								t.Logf("this machine starts no %s child: %v", name, err)
							}
							write(view)
							view[wasmPage]++
						})
						if err != nil {
							t.Fatal(err)
						}
						if err := cycle(m, content, write); err != nil {
							t.Fatal(err)
						}
					}
				})
			})
		})
	}
}

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
	image, err := NewImage(someContent(), Options{})
	_, forced := NewImage(someContent(), Options{Method: GatedScan})
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	if image.Method() != Compare || !errors.Is(image.Support().Refused[GatedScan], syscall.EMFILE) {
		t.Errorf("method is %s, refused: %v", image.Method(), image.Support().Refused)
	}
	if !errors.Is(forced, ErrUnsupported) || !errors.Is(forced, syscall.EMFILE) {
		t.Errorf("forcing a method: %v, expected ErrUnsupported with the reason", forced)
	}
	m := newMemory(t, image)
	defer mustClose(t, m)
	onOneThread(func() {
		if err := cycle(m, someContent(), func(view []byte) { clear(view) }); err != nil {
			t.Error(err)
		}
	})
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
		if strings.Contains(target, fileName) || strings.HasSuffix(target, "/pagemap") {
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
	p.addresses *= int64(pageSize)
	return p
}

func TestNothingLeaksOverManyMemories(t *testing.T) {
	const reserve = 1 << 30
	before := measure(t)
	for range 20 {
		image, err := NewImage(someContent(), Options{})
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
	image, err := NewImage(someContent(), Options{})
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
