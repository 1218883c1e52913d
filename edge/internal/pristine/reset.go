package pristine

import (
	"errors"
	"fmt"
)

// ErrNoImage means that a memory from the function NewMemory was reset or audited.
var ErrNoImage = errors.New("pristine: memory has no image")

// Reason is why a memory must be retired: it may differ from its image.
type Reason string

// The reasons.
const (
	Keep    Reason = ""
	TooMuch Reason = "written" // more was written than copying is worth
	Grown   Reason = "growth"  // growth could not be undone
)

// ResetReport describes a Reset.
type ResetReport struct {
	Bytes  int // bytes copied
	Retire Reason
}

// Mark records that the host has written, or is about to write, n bytes at an address.
func (m *Memory) Mark(at, n uint32) { m.marks.add(uint64(at), uint64(n)) }

// Reset makes the memory equal to its image, by copying what is marked. After an error,
// or with a reason to retire, it may differ, and the owner must not use it again.
func (m *Memory) Reset() (ResetReport, error) {
	var r ResetReport
	if err := m.usable(); err != nil {
		return r, err
	}
	content := m.image.content
	copy(m.view[:always], content)
	tooMuch := m.marks.take(func(start, end int) {
		if r.Bytes < m.image.retireAbove {
			r.Bytes += copy(m.view[start:end], content[start:end])
		}
	})
	if tooMuch || r.Bytes >= m.image.retireAbove {
		r.Retire = TooMuch
	}
	if len(m.view) > m.image.Size() && !m.undoGrowth() {
		r.Retire = Grown
	}
	return r, nil
}

func (m *Memory) usable() error {
	switch {
	case m.image == nil:
		return ErrNoImage
	case m.space == nil:
		return fmt.Errorf("%w memory", ErrClosed)
	}
	return nil
}
