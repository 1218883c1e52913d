package pristine

import (
	"errors"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero/experimental"
)

// ErrInUse is the error of closing a memory whose module is still open.
var ErrInUse = errors.New("pristine: memory is in use: close its module first")

// Memory is the linear memory of one instance. It is wazero's allocator for
// that one instantiation:
//
//	experimental.WithMemoryAllocator(ctx, memory)
//
// All but Free is for one goroutine at a time.
type Memory struct {
	image  *Image // nil while an image is built
	space  space
	view   []byte // what the guest sees
	guest  Guest  // the same through wazero; nil: not bound
	undo   bool   // the next Reallocate takes growth back
	finder finder // nil: Compare
	gate   gate
	known  pageSet
	idle   idlePages
	unsure bool // the known pages may not be all: the gate cannot be trusted

	mu     sync.Mutex
	lent   bool // wazero has it
	freed  bool // and has given it back
	closed bool
}

// space is a range of addresses, of which the first part may be used.
type space interface {
	bytes() []byte
	grow(size int) error   // new bytes are zero
	shrink(size int) error // bytes beyond size are dropped
	// forget makes a range of whole pages what the image has there, without
	// memory of its own.
	forget(start, end int) error
	release() error
}

// NewMemory makes an empty memory that can grow to max bytes and has no image:
// one is built in it.
func NewMemory(max uint64) (*Memory, error) {
	limit, err := sizeLimit(max, wasmPage)
	if err != nil {
		return nil, err
	}
	space, err := newSpace(limit)
	if err != nil {
		return nil, err
	}
	return &Memory{space: space}, nil
}

// Bytes are the memory as the guest sees it. The view is void once the guest has
// grown the memory, and after Close.
func (m *Memory) Bytes() []byte { return m.view }

// Allocate implements experimental.MemoryAllocator. It panics if the memory
// serves another instantiation already: two guests in one memory cannot be
// meant, and wazero takes no error here.
func (m *Memory) Allocate(_, _ uint64) experimental.LinearMemory {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lent || m.closed {
		panic("pristine: a Memory serves one instantiation: make a new one for each")
	}
	m.lent = true
	return m
}

// Reallocate implements experimental.LinearMemory. The memory is never shorter
// than its image, whatever minimum the module declares; nil says that it cannot
// be as long as asked.
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

// Free implements experimental.LinearMemory: wazero calls it when the module is
// closed. The memory stays mapped, since views of it may still be read, until
// its owner calls Close. The owner calls Free only if instantiation failed.
func (m *Memory) Free() {
	m.mu.Lock()
	m.freed = true
	m.mu.Unlock()
}

// Close unmaps the memory. It fails with ErrInUse, and unmaps nothing, while
// the module is open. Closing twice is no error.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	if m.lent && !m.freed {
		return ErrInUse
	}
	m.closed = true
	err := m.space.release()
	m.space, m.view, m.guest, m.finder = nil, nil, nil, nil
	if m.image != nil {
		err = errors.Join(err, m.image.give())
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
