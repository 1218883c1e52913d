package pristine

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pagemapScan finds private pages by the ioctl PAGEMAP_SCAN (Linux 6.7); see
// linux/fs.h and Documentation/admin-guide/mm/pagemap.rst.
type pagemapScan struct {
	fd      int
	arg     scanArg
	regions [64]scanRegion
}

// scanArg is struct pm_scan_arg.
type scanArg struct {
	size, flags         uint64
	start, end, walkEnd uint64
	vec, vecLen         uint64
	maxPages            uint64
	inverted            uint64 // categories that must be absent to match
	mask                uint64 // all of these must match
	anyOf               uint64 // and one of these
	returned            uint64 // categories that distinguish regions
}

// scanRegion is struct page_region.
type scanRegion struct{ start, end, _ uint64 }

const (
	scanRequest = 3<<30 | unsafe.Sizeof(scanArg{})<<16 | 'f'<<8 | 16 // _IOWR('f', 16, struct pm_scan_arg)

	pageIsFile    = 1 << 2
	pageIsPresent = 1 << 3
	pageIsSwapped = 1 << 4
)

// find searches for pages that exist and are not the file's. A page that was swapped
// out is still private.
func (s *pagemapScan) find(memory []byte, known *pageSet) error {
	base := uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
	end := base + uintptr(len(memory))
	before := known.count
	for at := base; at < end; {
		n, next, err := s.scan(at, end)
		if err != nil {
			return err
		}
		for _, r := range s.regions[:n] {
			known.add(int(uintptr(r.start)-base)/pageSize, int(uintptr(r.end)-base)/pageSize)
		}
		if next <= at {
			return fmt.Errorf("PAGEMAP_SCAN stopped at %#x of %d bytes", at-base, len(memory))
		}
		at = next
	}
	if known.count != before {
		known.rebuild()
	}
	return nil
}

// scan fills regions from start on. It returns their number and the address up to
// which it searched.
func (s *pagemapScan) scan(start, end uintptr) (n int, next uintptr, err error) {
	s.arg = scanArg{
		size:     uint64(unsafe.Sizeof(s.arg)),
		start:    uint64(start),
		end:      uint64(end),
		vec:      uint64(uintptr(unsafe.Pointer(&s.regions))),
		vecLen:   uint64(len(s.regions)),
		inverted: pageIsFile,
		mask:     pageIsFile,
		anyOf:    pageIsPresent | pageIsSwapped,
		returned: pageIsFile, // never set, so that adjacent pages are one region
	}
	for {
		found, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s.fd), scanRequest, uintptr(unsafe.Pointer(&s.arg)))
		runtime.KeepAlive(s)
		switch {
		case errno == 0:
			return int(found), uintptr(s.arg.walkEnd), nil
		case !errors.Is(errno, unix.EINTR):
			return 0, 0, fmt.Errorf("PAGEMAP_SCAN: %w", errno)
		}
	}
}
