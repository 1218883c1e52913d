package pristine

import (
	"errors"
	"fmt"
	"sync"
)

// wasmPage is the size of a Wasm page, in bytes.
const wasmPage = 64 << 10

// DefaultRetireAbove is the number of bytes from which on Reset asks for the retirement
// of a memory: copying more takes longer than making another.
const DefaultRetireAbove = 1 << 20

// ErrClosed means that an image or a memory is closed.
var ErrClosed = errors.New("pristine: closed")

// Image is the frozen content of a linear memory. It is safe for concurrent use.
type Image struct {
	source      source
	content     []byte // read-only; nil after release
	retireAbove int

	mu       sync.Mutex
	memories int
	closed   bool
}

// source keeps the content of an image and maps it into memories.
type source interface {
	content() []byte // read-only
	newSpace(max int) (space, error)
	release() error
}

// NewImage freezes a copy of content, whose length must be a multiple of 64 KiB.
func NewImage(content []byte) (*Image, error) {
	if len(content) == 0 || len(content)%wasmPage != 0 {
		return nil, fmt.Errorf("pristine: an image of %d bytes: expected a positive multiple of %d", len(content), wasmPage)
	}
	src, err := freeze(content)
	if err != nil {
		src = newHeapCopy(content)
	}
	return newImage(src), nil
}

func newImage(s source) *Image {
	return &Image{source: s, content: s.content(), retireAbove: DefaultRetireAbove}
}

// Size returns the length of the image in bytes.
func (i *Image) Size() int { return len(i.content) }

// NewMemory returns a memory that equals the image and can grow to max bytes. It
// reserves address space for max; pages that the guest has not written are shared.
func (i *Image) NewMemory(max uint64) (*Memory, error) {
	limit, err := sizeLimit(max, i.Size())
	if err != nil {
		return nil, err
	}
	if err := i.acquire(); err != nil {
		return nil, err
	}
	space, err := i.source.newSpace(limit)
	if err != nil {
		return nil, errors.Join(err, i.drop())
	}
	return &Memory{
		image: i,
		space: space,
		view:  space.bytes(),
		marks: newMarks(i.Size()),
	}, nil
}

// Close releases the image when the last of its memories is closed. No further
// memory can be made from it. It is idempotent.
func (i *Image) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return nil
	}
	i.closed = true
	return i.releaseUnused()
}

func (i *Image) acquire() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return fmt.Errorf("%w image: no further memory can be made from it", ErrClosed)
	}
	i.memories++
	return nil
}

func (i *Image) drop() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.memories--
	return i.releaseUnused()
}

func (i *Image) releaseUnused() error {
	if !i.closed || i.memories > 0 {
		return nil
	}
	i.content = nil
	return i.source.release()
}

// sizeLimit returns max rounded up to Wasm pages.
func sizeLimit(max uint64, least int) (int, error) {
	const most = 1 << 32
	if max < uint64(least) || max > most || max > maxInt-wasmPage {
		return 0, fmt.Errorf("pristine: a memory of at most %d bytes: expected %d to %d", max, least, min(uint64(most), maxInt-wasmPage))
	}
	return int((max + wasmPage - 1) / wasmPage * wasmPage), nil
}

const maxInt = uint64(^uint(0) >> 1)
