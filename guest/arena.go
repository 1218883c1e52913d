package guest

import "github.com/tenantedge/tenantedge/guest/abi"

// arena is the memory of one call: the heads of replies, then the request, then
// the records that lookups return. Adjacent, they touch few pages, and the host
// resets each page that a call writes to. With the heads first, a reply can
// point to the bytes of the request and of the records in place.
type arena struct {
	used   int    // bytes of the message and of what follows it
	failed bool   // a lookup failed, other than with abi.NotFound
	large  []byte // replaces static for a message over abi.BufferSize
	record fields // the last record
	event  fields // the event of a websocket
	socket Socket // the websocket of that event

	incoming Event // the last message to a group
	static   [bodyAt + 2*abi.BufferSize]byte
}

const (
	// headRoom is the size of the head of a decision with eight upstream headers.
	headRoom = 8 + 8*(abi.DecHeader0+16)
	// After it, directly before the request, are the head of a decision of the
	// fast path and the texts that all of these share: see [fastRouter.prepare].
	fastHead = 8 + 8*abi.DecHeader0
	fastText = 256
	fastAt   = headRoom
	bodyAt   = fastAt + fastHead + fastText
)

// memory is on the heap, where an object of this size starts at a page boundary,
// so that a short call writes to one page. The linker aligns no global that way.
var memory = new(arena)

// buffer returns the buffer for a message of at most size bytes from the host.
func (a *arena) buffer(size int) []byte {
	a.large = nil
	if size > abi.BufferSize {
		a.large = make([]byte, size)
	}
	return a.bytes()
}

func (a *arena) bytes() []byte {
	if a.large != nil {
		return a.large
	}
	return a.static[bodyAt:]
}

// begin starts a call and returns its message, the first length bytes of the
// buffer.
func (a *arena) begin(length int) ([]byte, bool) {
	b := a.bytes()
	if length < 0 || length > len(b) {
		return nil, false
	}
	a.used, a.failed = length, false
	return b[:length:length], true
}

// free returns the unused part of the buffer.
func (a *arena) free() []byte { return a.bytes()[a.used:] }

// use marks the first n bytes of free as used.
func (a *arena) use(n int) { a.used += n }

// reply writes a message into the arena, or into new memory if it does not fit.
func (a *arena) reply(write func([]byte) abi.Builder) []byte {
	b := write(a.free())
	if !b.Fits() {
		b = write(make([]byte, b.Size()))
	}
	return b.Bytes()
}
