package guest

import "github.com/tenantedge/tenantedge/guest/abi"

// arena is the memory of one call: the request at its beginning, then what
// lookups answer, then the reply. Standing close together they touch few
// pages, and each page that a call touches has to be put back after it.
type arena struct {
	static [2 * abi.BufferSize]byte
	large  []byte // in place of static, for a message over abi.BufferSize
	used   int
	failed bool // a lookup failed for another reason than that nothing is there
}

var memory arena

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
	return a.static[:]
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
