package pristine

import (
	"errors"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero/experimental"
)

// ErrInUse means that a memory cannot be closed because its module is open.
var ErrInUse = errors.New("pristine: memory is in use: close its module first")

// Memory is the linear memory of one instance, and wazero's allocator for its
// instantiation:
//
//	experimental.WithMemoryAllocator(ctx, memory)
//
// Only Free may be called concurrently.
type Memory struct {
	image *Image // nil while an image is built
	space space
	view  []byte // the guest's memory
	guest Guest  // the same as wazero's object; nil: not bound
	undo  bool   // the next Reallocate undoes growth
	marks marks

	mu        sync.Mutex
	allocated bool // wazero uses it
	freed     bool // wazero has freed it
	closed    bool
}

// space is a range of addresses. The first part is accessible.
type space interface {
	bytes() []byte
	grow(size int) error   // new bytes are zero
	shrink(size int) error // drops the bytes beyond size
	release() error
}

// NewMemory returns an empty memory without an image, in which an image can be
// built. It can grow to max bytes.
func NewMemory(max uint64) (*Memory, error) {
	limit, err := sizeLimit(max, wasmPage)
	if err != nil {
		return nil, err
	}
	space, err := newSpace(limit)
	if err != nil {
		return nil, err
	}
	return &Memory{space: space, marks: newMarks(0)}, nil
}

// Marks returns the allocator for the instance of Marker that belongs to the memory.
func (m *Memory) Marks() experimental.MemoryAllocator { return m.marks }

// Bytes returns the guest's memory. The slice is invalid after the guest has grown
// the memory, and after Close.
func (m *Memory) Bytes() []byte { return m.view }

// Allocate implements experimental.MemoryAllocator. It panics if the memory already
// serves an instantiation: two guests in one memory are a bug, and wazero accepts
// no error here.
func (m *Memory) Allocate(_, _ uint64) experimental.LinearMemory {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.allocated || m.closed {
		panic("pristine: a Memory serves one instantiation: make a new one for each")
	}
	m.allocated = true
	return m
}

// Reallocate implements experimental.LinearMemory. The memory is never shorter than
// its image, whatever minimum the module declares. It returns nil if the memory
// cannot have that size.
func (m *Memory) Reallocate(size uint64) []byte {
	if m.undo {
		return m.shrink()
	}
	if m.space == nil || size > maxInt {
		return nil
	}
	if int(size) > len(m.view) {
		if err := m.space.grow(int(size)); err != nil {
			return nil
		}
		m.view = m.space.bytes()
	}
	return m.view
}

// Free implements experimental.LinearMemory: wazero calls it when the module closes.
// The memory stays mapped until its owner calls Close, since views of it may still
// be read. The owner calls Free only if instantiation failed.
func (m *Memory) Free() {
	m.mu.Lock()
	m.freed = true
	m.mu.Unlock()
}

// Close unmaps the memory. While the module is open, it returns ErrInUse and does
// nothing. It is idempotent.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	if m.allocated && !m.freed {
		return ErrInUse
	}
	m.closed = true
	err := m.space.release()
	m.space, m.view, m.guest = nil, nil, nil
	if m.image != nil {
		err = errors.Join(err, m.image.drop())
	}
	if err != nil {
		return fmt.Errorf("pristine: closing a memory: %w", err)
	}
	return nil
}

var (
	_ experimental.MemoryAllocator = (*Memory)(nil)
	_ experimental.LinearMemory    = (*Memory)(nil)
)
