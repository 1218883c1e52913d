package sockets

import "sync"

// Pooled buffers are arrays of three sizes, so that returning one to its pool
// allocates nothing. Larger buffers are not pooled.
const (
	smallBuffer  = 4 << 10
	middleBuffer = 32 << 10
	largeBuffer  = 256 << 10
)

var (
	smallBuffers  = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	middleBuffers = sync.Pool{New: func() any { return new([middleBuffer]byte) }}
	largeBuffers  = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

// getBuffer returns an empty buffer with room for at least n bytes.
func getBuffer(n int) []byte {
	switch {
	case n <= smallBuffer:
		return smallBuffers.Get().(*[smallBuffer]byte)[:0]
	case n <= middleBuffer:
		return middleBuffers.Get().(*[middleBuffer]byte)[:0]
	case n <= largeBuffer:
		return largeBuffers.Get().(*[largeBuffer]byte)[:0]
	}
	return make([]byte, 0, n)
}

// putBuffer returns a buffer of getBuffer or appendBuffer to its pool. There must
// be no other reference to it. Buffers of other sizes are not pooled.
func putBuffer(b []byte) {
	switch cap(b) {
	case smallBuffer:
		smallBuffers.Put((*[smallBuffer]byte)(b[:smallBuffer]))
	case middleBuffer:
		middleBuffers.Put((*[middleBuffer]byte)(b[:middleBuffer]))
	case largeBuffer:
		largeBuffers.Put((*[largeBuffer]byte)(b[:largeBuffer]))
	}
}

// appendBuffer appends p to a buffer, which may be nil. It moves the bytes to a
// larger buffer if necessary.
func appendBuffer(b, p []byte) []byte {
	b = growBuffer(b, len(p))
	return append(b, p...)
}

// growBuffer ensures room for n more bytes.
func growBuffer(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	need := len(b) + n
	if need > largeBuffer {
		need = max(need, 2*cap(b)) // amortize
	}
	larger := append(getBuffer(need), b...)
	putBuffer(b)
	return larger
}
