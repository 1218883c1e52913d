package guest

import "github.com/tenantedge/tenantedge/guest/abi"

// arena is the memory of one call: heads of replies, the request, and
// then what lookups answer. Standing close together they touch few pages, and
// each page that a call touches has to be put back after it. With the heads in
// front, a reply can point at the bytes of the request and of the records
// where they lie.
type arena struct {
	used   int    // bytes of the message, and behind it
	failed bool   // a lookup failed for another reason than that nothing is there
	large  []byte // in place of static, for a message over abi.BufferSize
	record fields // that was read last
	event  fields // of a websocket
	socket Socket // of that event

	incoming Event // of a group
	static   [bodyAt + 2*abi.BufferSize]byte
}

const (
	// headRoom holds the head of a decision with up to eight upstream headers.
	headRoom = 8 + 8*(abi.DecHeader0+16)
	// Behind it, and right in front of the request, stand the head of a short
	// decision and the texts that all of these have: see [shortcut].
	shortHead = 8 + 8*abi.DecHeader0
	shortText = 256
	shortAt   = headRoom
	bodyAt    = shortAt + shortHead + shortText
)

// A global variable would stand anywhere; what is this large on the heap begins
// with a page, so that an ordinary call has all of its bytes in one.
var memory = new(arena)

// buffer is where the host writes a message of at most size bytes.
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

// begin starts a call with a message of length bytes.
func (a *arena) begin(length int) ([]byte, bool) {
	b := a.bytes()
	if length < 0 || length > len(b) {
		return nil, false
	}
	a.used, a.failed = length, false
	return b[:length:length], true
}

// rest is what no one has used yet.
func (a *arena) rest() []byte { return a.bytes()[a.used:] }

// keep marks the first n bytes of rest as used.
func (a *arena) keep(n int) { a.used += n }

// reply writes a message into the arena, or elsewhere if it is too large.
func (a *arena) reply(write func([]byte) abi.Builder) []byte {
	b := write(a.rest())
	if !b.Fits() {
		b = write(make([]byte, b.Size()))
	}
	return b.Bytes()
}
