package pristine

import (
	"errors"
	"strings"
	"testing"
)

func TestAuditNamesTheFirstAddressThatDiffers(t *testing.T) {
	eachImage(t, func(t *testing.T, image *Image, content []byte) {
		m := newMemory(t, image)
		defer mustClose(t, m)
		if err := m.Audit(); err != nil {
			t.Fatalf("a new memory: %v", err)
		}
		m.Bytes()[wasmPage+0x123] ^= 0x5a
		m.Bytes()[wasmPage+0x124] ^= 0x5a
		m.Bytes()[3*wasmPage] ^= 0x5a
		err := m.Audit()
		if !errors.Is(err, ErrNotPristine) || !strings.Contains(err.Error(), "address 0x10123 first, in 2 of") {
			t.Errorf("Audit: %v", err)
		}
	})
}
