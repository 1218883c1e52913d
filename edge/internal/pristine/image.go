package pristine

import (
	"errors"
	"fmt"
	"sync"
)

// wasmPage is the size of a Wasm page, in bytes.
const wasmPage = 64 << 10

// DefaultRetireAbove is the number of pages above which Reset asks for the
// retirement of a memory: copying so many takes about as long as a request.
const DefaultRetireAbove = 128

// Errors to branch on.
var (
	ErrUnsupported = errors.New("pristine: this system cannot")
	ErrClosed      = errors.New("pristine: closed")
)

// Options configures how the memories of an image are reset.
type Options struct {
	// Method forces a method; Auto selects the best that works.
	Method Method
	// RetireAbove is the number of pages above which Reset asks for the memory's
	// retirement; 0: DefaultRetireAbove.
	RetireAbove int
}

// Image is the frozen content of a linear memory. It is safe for concurrent use.
type Image struct {
	source      source
	content     []byte // read-only; nil after release
	support     Support
	retireAbove int

	mu       sync.Mutex
	memories int
	closed   bool
}

// source keeps the content of an image and maps it into memories.
type source interface {
	content() []byte // read-only
	newSpace(max int) (space, error)
	newFinder(Method) finder
	release() error
}

// finder asks the kernel which pages of a memory are private to it.
type finder interface {
	find(memory []byte, known *pageSet) error
}

// NewImage freezes a copy of content, whose length must be a multiple of 64 KiB. It
// probes whether the method works on this system; for a forced one that does not,
// the error is ErrUnsupported, with the reason.
func NewImage(content []byte, o Options) (*Image, error) {
	if len(content) == 0 || len(content)%wasmPage != 0 {
		return nil, fmt.Errorf("pristine: an image of %d bytes: expected a positive multiple of %d", len(content), wasmPage)
	}
	if o.RetireAbove == 0 {
		o.RetireAbove = DefaultRetireAbove
	}
	src, support, err := newSource(content, o.Method)
	if err != nil {
		return nil, err
	}
	return newImage(src, support, o.RetireAbove), nil
}

func newImage(s source, support Support, retireAbove int) *Image {
	return &Image{source: s, content: s.content(), support: support, retireAbove: retireAbove}
}

// newSource returns a source of the content, and the methods that work with it.
func newSource(content []byte, wanted Method) (source, Support, error) {
	support, err := Probe().choose(wanted)
	if err != nil {
		return nil, support, err
	}
	src, err := freeze(content)
	if err != nil {
		src = newHeapCopy(content)
		support, err = compareOnly(err).choose(wanted)
	}
	return src, support, err
}

// Method returns the method that resets the memories of this image.
func (i *Image) Method() Method { return i.support.Best }

// Support returns the result of the probe when the image was made, for reports. Its
// Best is the image's method.
func (i *Image) Support() Support { return i.support }

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
		image:  i,
		space:  space,
		view:   space.bytes(),
		finder: i.source.newFinder(i.Method()),
		known:  newPageSet(i.Size()),
		unsure: true,
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
