package pristine

import (
	"bytes"
	"fmt"
)

// heapCopy is a source on the heap, for systems that cannot share an image: every
// memory is a copy, which Compare resets.
type heapCopy []byte

func newHeapCopy(content []byte) heapCopy { return bytes.Clone(content) }

func (c heapCopy) content() []byte { return c }

func (c heapCopy) newSpace(max int) (space, error) {
	s := &heapSpace{max: max}
	if err := s.grow(len(c)); err != nil {
		return nil, err
	}
	copy(s.used, c)
	return s, nil
}

func (heapCopy) release() error { return nil }

// heapSpace is a slice that may move when it grows. Older views stay readable.
type heapSpace struct {
	used []byte
	max  int
}

func (s *heapSpace) bytes() []byte { return s.used }

func (s *heapSpace) grow(size int) error {
	if size > s.max {
		return fmt.Errorf("pristine: growth to %d bytes: expected at most %d", size, s.max)
	}
	s.used = append(s.used, make([]byte, size-len(s.used))...)
	s.used = s.used[:size:size]
	return nil
}

func (s *heapSpace) shrink(size int) error {
	s.used = s.used[:size:size]
	return nil
}

func (s *heapSpace) release() error {
	s.used = nil
	return nil
}
