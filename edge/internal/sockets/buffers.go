package sockets

import "sync"

// Pooled buffers are arrays of three sizes, so that returning one allocates
// nothing. Bigger ones are the garbage collector's.
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

// putBuffer takes back what getBuffer or appendBuffer gave; nothing else may
// hold it. Buffers of other sizes are let go.
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

// appendBuffer appends p to a buffer, which may be nil, and moves it to a bigger
// one when it is full.
func appendBuffer(b, p []byte) []byte {
	b = growBuffer(b, len(p))
	return append(b, p...)
}

// growBuffer makes room for n more bytes.
func growBuffer(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	need := len(b) + n
	if need > largeBuffer {
		need = max(need, 2*cap(b)) // grow in steps, not with each piece
	}
	bigger := append(getBuffer(need), b...)
	putBuffer(b)
	return bigger
}
