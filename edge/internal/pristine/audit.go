package pristine

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrNotPristine means that a memory differs from its image.
var ErrNotPristine = errors.New("pristine: memory differs from its image")

// Audit compares the complete memory with its image. The error has the first
// address that differs, but no content, which is a tenant's.
func (m *Memory) Audit() error {
	if err := m.usable(); err != nil {
		return err
	}
	content := m.image.content
	if len(m.view) != len(content) {
		return fmt.Errorf("%w: it is %d bytes long: expected %d", ErrNotPristine, len(m.view), len(content))
	}
	pages, first := 0, -1
	for start := 0; start < len(content); start += pageSize {
		have, want := m.view[start:start+pageSize], content[start:start+pageSize]
		if bytes.Equal(have, want) {
			continue
		}
		if pages++; first < 0 {
			first = start + firstDifference(have, want)
		}
	}
	if pages == 0 {
		return nil
	}
	return fmt.Errorf("%w: at address %#x first, in %d of %d pages", ErrNotPristine, first, pages, len(content)/pageSize)
}

func firstDifference(a, b []byte) int {
	i := 0
	for a[i] == b[i] {
		i++
	}
	return i
}
