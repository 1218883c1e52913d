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
	differing, first := 0, -1
	for start := 0; start < len(content); start += grain {
		have, want := m.view[start:start+grain], content[start:start+grain]
		if bytes.Equal(have, want) {
			continue
		}
		if differing++; first < 0 {
			first = start + firstDifference(have, want)
		}
	}
	if differing == 0 {
		return nil
	}
	return fmt.Errorf("%w: at address %#x first, in %d of %d KiB", ErrNotPristine, first, differing, len(content)/grain)
}

func firstDifference(a, b []byte) int {
	i := 0
	for a[i] == b[i] {
		i++
	}
	return i
}
