package sockets

import "sync"

// queue is the write queue of a connection: complete frames, in segments. Small
// frames are copied into one segment, so that one write carries many of them; a
// large shared frame is referenced. An empty queue has no allocation.
type queue struct {
	segments *segments // nil: empty
	size     int       // in bytes
}

// segments are the segments of a queue that is not empty.
type segments struct {
	first segment
	rest  []segment
	sent  int // bytes of first that are written
}

var segmentsPool = sync.Pool{New: func() any { return new(segments) }}

type segment struct {
	p      []byte
	pooled bool
}

// copyBelow is the size up to which copying a frame is cheaper than a segment.
const copyBelow = 1 << 10

// room returns a buffer with room for a frame of n bytes, for put.
func (q *queue) room(n int) []byte {
	if last := q.last(); last != nil && last.pooled && cap(last.p)-len(last.p) >= n {
		return last.p
	}
	return getBuffer(n)
}

// put queues a frame that was appended to the buffer of room.
func (q *queue) put(b []byte) {
	if last := q.last(); last != nil && last.pooled && cap(last.p) == cap(b) && &last.p[0] == &b[0] {
		q.size += len(b) - len(last.p)
		last.p = b
		return
	}
	q.push(segment{b, true})
}

// share queues a frame that does not change.
func (q *queue) share(frame []byte) {
	if len(frame) <= copyBelow {
		q.put(append(q.room(len(frame)), frame...))
		return
	}
	q.push(segment{frame, false})
}

func (q *queue) push(s segment) {
	q.size += len(s.p)
	if q.segments == nil {
		q.segments = segmentsPool.Get().(*segments)
		q.segments.first = s
		return
	}
	q.segments.rest = append(q.segments.rest, s)
}

func (q *queue) last() *segment {
	w := q.segments
	switch {
	case w == nil:
		return nil
	case len(w.rest) > 0:
		return &w.rest[len(w.rest)-1]
	}
	return &w.first
}

// head appends the buffers to write next to dst, up to its capacity.
func (q *queue) head(dst [][]byte) [][]byte {
	w := q.segments
	if w == nil {
		return dst
	}
	dst = append(dst, w.first.p[w.sent:])
	for _, s := range w.rest {
		if len(dst) == cap(dst) {
			break
		}
		dst = append(dst, s.p)
	}
	return dst
}

// advance removes n written bytes.
func (q *queue) advance(n int) {
	w := q.segments
	q.size -= n
	w.sent += n
	done := 0
	for w.sent >= len(w.first.p) {
		w.sent -= len(w.first.p)
		w.first.release()
		if done == len(w.rest) {
			q.reset()
			return
		}
		w.first = w.rest[done]
		w.rest[done] = segment{}
		done++
	}
	if w.rest = w.rest[done:]; len(w.rest) == 0 {
		w.rest = nil
	}
}

// reset makes the queue empty. Its segments must have been released.
func (q *queue) reset() {
	*q.segments = segments{}
	segmentsPool.Put(q.segments)
	*q = queue{}
}

// truncate drops all segments except a first one that is partly written, so that
// the rest ends with a complete frame.
func (q *queue) truncate() {
	w := q.segments
	if w == nil {
		return
	}
	if w.sent == 0 {
		q.clear()
		return
	}
	for _, s := range w.rest {
		q.size -= len(s.p)
		s.release()
	}
	w.rest = nil
}

// clear drops all segments.
func (q *queue) clear() {
	w := q.segments
	if w == nil {
		return
	}
	for _, s := range w.rest {
		s.release()
	}
	w.first.release()
	q.reset()
}

func (s *segment) release() {
	if s.pooled {
		putBuffer(s.p)
	}
}
