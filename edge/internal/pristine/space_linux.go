package pristine

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mappedSpace is a reservation of addresses that never moves. Only its used part is
// writable.
type mappedSpace struct {
	reserved []byte
	used     int
}

const anonymous = unix.MAP_PRIVATE | unix.MAP_ANON | unix.MAP_NORESERVE

func newSpace(max int) (space, error) { return newMappedSpace(max) }

func newMappedSpace(max int) (*mappedSpace, error) {
	base, err := unix.MmapPtr(-1, 0, nil, uintptr(max), unix.PROT_NONE, anonymous)
	if err != nil {
		return nil, fmt.Errorf("pristine: reserving %d bytes of address space: %w", max, err)
	}
	return &mappedSpace{reserved: unsafe.Slice((*byte)(base), max)}, nil
}

// show maps a file privately at the start of the space.
func (s *mappedSpace) show(fd, size int) error {
	_, err := unix.MmapPtr(fd, 0, s.at(0), uintptr(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED)
	if err != nil {
		return fmt.Errorf("pristine: mapping an image of %d bytes: %w", size, err)
	}
	s.used = size
	return nil
}

func (s *mappedSpace) bytes() []byte { return s.reserved[:s.used:s.used] }

func (s *mappedSpace) grow(size int) error {
	if size > len(s.reserved) {
		return fmt.Errorf("pristine: growth to %d bytes: expected at most %d", size, len(s.reserved))
	}
	if err := unix.Mprotect(s.reserved[s.used:size], unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return fmt.Errorf("pristine: growth to %d bytes: %w", size, err)
	}
	s.used = size
	return nil
}

// shrink maps zeros over the dropped part, which frees its pages. It stays readable:
// reading a view after a reset is a bug of the host, but should not crash it.
func (s *mappedSpace) shrink(size int) error {
	if size == s.used {
		return nil
	}
	_, err := unix.MmapPtr(-1, 0, s.at(size), uintptr(s.used-size), unix.PROT_READ, anonymous|unix.MAP_FIXED)
	if err != nil {
		return fmt.Errorf("pristine: dropping memory beyond %d bytes: %w", size, err)
	}
	s.used = size
	return nil
}

func (s *mappedSpace) release() error {
	return unix.MunmapPtr(s.at(0), uintptr(len(s.reserved)))
}

func (s *mappedSpace) at(offset int) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(s.reserved)), offset)
}
