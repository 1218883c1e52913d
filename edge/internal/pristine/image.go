package pristine

import (
	"errors"
	"fmt"
	"sync"
)

// wasmPage is the unit that linear memories are measured in.
const wasmPage = 64 << 10

// DefaultRetireAbove is how many pages a memory may have to put back before
// Reset asks for its retirement: that takes about as long as the requests
// themselves.
const DefaultRetireAbove = 128

// Errors to branch on.
var (
	ErrUnsupported = errors.New("pristine: this system cannot")
	ErrClosed      = errors.New("pristine: closed")
)

// Options say how the memories of an image are put back.
type Options struct {
	// Method forces one; Auto takes the best that Probe finds to work.
	Method Method
	// RetireAbove is the number of known pages above which Reset asks for the
	// memory's retirement; 0: DefaultRetireAbove.
	RetireAbove int
}

// Image is the frozen content of a linear memory. Any number of memories, on
// any number of threads, may be made from it.
type Image struct {
	source      source
	content     []byte // for reading only; nil once it is released
	support     Support
	retireAbove int

	mu       sync.Mutex
	memories int
	closed   bool
}

// source is where an image keeps its content, and how memories get at it.
type source interface {
	content() []byte // for reading only; always the same
	newSpace(max int) (space, error)
	newFinder(Method) finder
	release() error
}

// finder learns from the kernel which pages of a memory are private to it.
type finder interface {
	find(memory []byte, known *pageSet) error
}

// NewImage freezes a copy of content, which must be whole pages of 64 KiB. It
// probes whether the method works on this system; a forced one that does not
// is ErrUnsupported, with the reason.
func NewImage(content []byte, o Options) (*Image, error) {
	if len(content) == 0 || len(content)%wasmPage != 0 {
		return nil, fmt.Errorf("pristine: an image of %d bytes: expected a positive multiple of %d", len(content), wasmPage)
	}
	if o.RetireAbove == 0 {
		o.RetireAbove = DefaultRetireAbove
	}
	src, support, err := keep(content, o.Method)
	if err != nil {
		return nil, err
	}
	return newImage(src, support, o.RetireAbove), nil
}

func newImage(s source, support Support, retireAbove int) *Image {
	return &Image{source: s, content: s.content(), support: support, retireAbove: retireAbove}
}

// keep finds a place for the content, and the method that goes with it.
func keep(content []byte, wanted Method) (source, Support, error) {
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

// Method is how the memories of this image are put back.
func (i *Image) Method() Method { return i.support.Best }

// Support is what was found to work when the image was made, for reports: its
// best is the image's method.
func (i *Image) Support() Support { return i.support }

// Size is the length of the image in bytes.
func (i *Image) Size() int { return len(i.content) }

// NewMemory makes a memory that starts as the image and can grow to max bytes.
// Address space for max is reserved; what the guest has not written costs no
// memory of its own.
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
		return nil, errors.Join(err, i.give())
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

// Close gives the image back to the system once the last of its memories is
// closed. No memory can be made from it any more. Closing twice is no error.
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

func (i *Image) give() error {
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

// sizeLimit is max in whole Wasm pages, as an int.
func sizeLimit(max uint64, least int) (int, error) {
	const most = 1 << 32
	if max < uint64(least) || max > most || max > maxInt-wasmPage {
		return 0, fmt.Errorf("pristine: a memory of at most %d bytes: expected %d to %d", max, least, min(uint64(most), maxInt-wasmPage))
	}
	return int((max + wasmPage - 1) / wasmPage * wasmPage), nil
}

const maxInt = uint64(^uint(0) >> 1)
