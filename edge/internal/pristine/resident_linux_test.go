package pristine

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// resident returns the sum of a field of /proc/self/smaps over a memory, in bytes.
func resident(t testing.TB, memory []byte, field string) int64 {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	base := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(memory))))
	var sum int64
	inside := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var start, end uint64
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &start, &end); n == 2 {
			inside = start >= base && end <= base+uint64(len(memory))
			continue
		}
		name, value, _ := strings.Cut(lines.Text(), ":")
		if inside && name == field {
			var kilobytes int64
			if _, err := fmt.Sscanf(value, "%d kB", &kilobytes); err != nil {
				t.Fatalf("%q: %v", lines.Text(), err)
			}
			sum += kilobytes << 10
		}
	}
	return sum
}

// Only the pages that an instance wrote are private; the others are shared.
func TestMemoryOwnsNoMoreThanItWrote(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		if _, frozen := image.source.(*frozenFile); !frozen {
			return
		}
		const written = 5
		pageSize := os.Getpagesize()
		memories := make([]*Memory, 4)
		for i := range memories {
			m := newMemory(t, image)
			defer mustClose(t, m)
			memories[i] = m
			mustEqual(t, m, content) // reads all of it
			for range 3 {
				err := cycle(m, content, func(m *Memory) {
					for p := range written {
						m.set(p*2*pageSize, 1)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, m := range memories {
			own := resident(t, m.Bytes(), "Private_Dirty") + resident(t, m.Bytes(), "Private_Clean")
			if own > written*int64(pageSize) {
				t.Errorf("a memory owns %d bytes after %d pages of %d were written", own, written, pageSize)
			}
		}
		m := memories[0].Bytes()
		t.Logf("of %d bytes: resident %d, proportional %d, own %d", len(m),
			resident(t, m, "Rss"), resident(t, m, "Pss"), resident(t, m, "Private_Dirty"))
	})
}
