package pristine

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pagemapRead finds private pages by reading /proc/self/pagemap, which has a word for
// each page; see Documentation/admin-guide/mm/pagemap.rst. Since Linux 4.2 the flags
// are unprivileged.
type pagemapRead struct {
	fd      int
	entries [512]uint64
}

const (
	entryPresent = 1 << 63
	entrySwapped = 1 << 62
	entryFile    = 1 << 61 // file page or shared
)

func (r *pagemapRead) find(memory []byte, known *pageSet) error {
	first := int64(uintptr(unsafe.Pointer(unsafe.SliceData(memory)))) / int64(pageSize)
	before := known.count
	for page, pages := 0, len(memory)/pageSize; page < pages; {
		entries := r.entries[:min(pages-page, len(r.entries))]
		raw := unsafe.Slice((*byte)(unsafe.Pointer(&entries[0])), len(entries)*8)
		n, err := unix.Pread(r.fd, raw, (first+int64(page))*8)
		if err != nil {
			return fmt.Errorf("reading /proc/self/pagemap: %w", err)
		}
		if n != len(raw) {
			return fmt.Errorf("reading /proc/self/pagemap: %d bytes: expected %d", n, len(raw))
		}
		for i, e := range entries {
			if e&(entryPresent|entrySwapped) != 0 && e&entryFile == 0 {
				known.add(page+i, page+i+1)
			}
		}
		page += len(entries)
	}
	if known.count != before {
		known.rebuild()
	}
	return nil
}
