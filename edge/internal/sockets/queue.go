package sockets

// queue holds what waits to be written to one connection: whole frames, in
// segments. Small frames are copied together, so that many of them leave with
// one write; a big frame for a group is held, not copied. An empty queue holds
// no memory.
type queue struct {
	first segment
	rest  []segment
	size  int // bytes that wait
	sent  int // bytes of the first segment that are written
}

type segment struct {
	p      []byte
	pooled bool
}

// copyBelow is the size up to which copying is cheaper than a segment.
const copyBelow = 1 << 10

// room returns a buffer to append a frame of n bytes to; put takes it back.
func (q *queue) room(n int) []byte {
	if last := q.last(); last != nil && last.pooled && cap(last.p)-len(last.p) >= n {
		return last.p
	}
	return getBuffer(n)
}

// put takes a buffer that room gave, with a frame appended.
func (q *queue) put(b []byte) {
	if last := q.last(); last != nil && last.pooled && cap(last.p) == cap(b) && &last.p[0] == &b[0] {
		q.size += len(b) - len(last.p)
		last.p = b
		return
	}
	q.push(segment{b, true})
}

// share takes a frame that nobody will change.
func (q *queue) share(frame []byte) {
	if len(frame) <= copyBelow {
		q.put(append(q.room(len(frame)), frame...))
		return
	}
	q.push(segment{frame, false})
}

func (q *queue) push(s segment) {
	q.size += len(s.p)
	if q.first.p == nil {
		q.first = s
		return
	}
	q.rest = append(q.rest, s)
}

func (q *queue) last() *segment {
	switch {
	case len(q.rest) > 0:
		return &q.rest[len(q.rest)-1]
	case q.first.p != nil:
		return &q.first
	}
	return nil
}

// head appends what is to be written next to dst.
func (q *queue) head(dst [][]byte) [][]byte {
	if q.first.p == nil {
		return dst
	}
	dst = append(dst, q.first.p[q.sent:])
	for _, s := range q.rest {
		if len(dst) == cap(dst) {
			break
		}
		dst = append(dst, s.p)
	}
	return dst
}

// advance takes n written bytes off.
func (q *queue) advance(n int) {
	q.size -= n
	q.sent += n
	done := 0
	for q.first.p != nil && q.sent >= len(q.first.p) {
		q.sent -= len(q.first.p)
		q.first.release()
		q.first = segment{}
		if done < len(q.rest) {
			q.first = q.rest[done]
			q.rest[done] = segment{}
			done++
		}
	}
	if q.rest = q.rest[done:]; len(q.rest) == 0 {
		q.rest = nil
	}
}

// cut drops what is not begun. What is left ends with a whole frame.
func (q *queue) cut() {
	for _, s := range q.rest {
		q.size -= len(s.p)
		s.release()
	}
	q.rest = nil
	if q.sent == 0 && q.first.p != nil {
		q.clear()
	}
}

// clear drops everything.
func (q *queue) clear() {
	for _, s := range q.rest {
		s.release()
	}
	q.first.release()
	*q = queue{}
}

func (s *segment) release() {
	if s.pooled {
		putBuffer(s.p)
	}
}
