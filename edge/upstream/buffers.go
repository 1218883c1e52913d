package upstream

import (
	"net/http/httputil"
	"sync"
)

// bufferSize is what ReverseProxy would allocate for each answer.
const bufferSize = 32 << 10

// bufferPool holds the buffers through which the bodies of answers are copied.
// All Handlers share one. A buffer still holds bytes of an earlier answer, which
// may be another tenant's; RATIONALE.md says why they are never sent.
type bufferPool struct{ pool sync.Pool }

var buffers = &bufferPool{sync.Pool{New: func() any { return new([bufferSize]byte) }}}

// Get implements httputil.BufferPool.
func (p *bufferPool) Get() []byte { return p.pool.Get().(*[bufferSize]byte)[:] }

// Put implements httputil.BufferPool.
func (p *bufferPool) Put(b []byte) { p.pool.Put((*[bufferSize]byte)(b)) }

var _ httputil.BufferPool = (*bufferPool)(nil)
