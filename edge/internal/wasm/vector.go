package wasm

import (
	"iter"
	"slices"
)

// entry is an element of a Vector. It appends its binary form.
type entry interface{ append(dst []byte) []byte }

// Vector is a section that is a list. It keeps the bytes of each entry and of the
// section, so that unchanged parts are written back in their original encoding.
// The zero value is an empty section, which is not written.
type Vector[T entry] struct {
	entries []T
	spans   []span // of the entries in content; empty for an added or replaced entry
	content []byte // the section as read
	changed bool
}

type span struct{ start, end uint32 }

// Len returns the number of entries.
func (v *Vector[T]) Len() int { return len(v.entries) }

// At returns entry i.
func (v *Vector[T]) At(i int) T { return v.entries[i] }

// All ranges over the entries.
func (v *Vector[T]) All() iter.Seq2[int, T] { return slices.All(v.entries) }

// Set replaces entry i.
func (v *Vector[T]) Set(i int, e T) {
	v.entries[i], v.spans[i], v.changed = e, span{}, true
}

// Add appends an entry and returns its index.
func (v *Vector[T]) Add(e T) int {
	v.entries, v.spans, v.changed = append(v.entries, e), append(v.spans, span{}), true
	return len(v.entries) - 1
}

// MoveToEnd moves entry i to the end. The index of each later entry decreases by
// one.
func (v *Vector[T]) MoveToEnd(i int) {
	e, s := v.entries[i], v.spans[i]
	v.entries = append(slices.Delete(v.entries, i, i+1), e)
	v.spans = append(slices.Delete(v.spans, i, i+1), s)
	v.changed = true
}

// Clear removes all entries and so the section.
func (v *Vector[T]) Clear() { v.entries, v.spans, v.changed = nil, nil, true }

// readVector reads a section of entries of at least size bytes each.
func readVector[T entry](r *reader, size, max int, read func(*reader) T) Vector[T] {
	n := r.count(size, max)
	v := Vector[T]{content: r.b, entries: make([]T, 0, n), spans: make([]span, 0, n)}
	for range n {
		start := r.at
		e := read(r)
		if r.err != nil {
			break
		}
		v.entries = append(v.entries, e)
		v.spans = append(v.spans, span{uint32(start), uint32(r.at)})
	}
	return v
}

func (v *Vector[T]) empty() bool   { return len(v.entries) == 0 }
func (v *Vector[T]) touched() bool { return v.changed }

func (v *Vector[T]) append(dst []byte) []byte {
	dst = AppendU32(dst, uint32(len(v.entries)))
	for i := 0; i < len(v.entries); i++ {
		s := v.spans[i]
		if s.end == 0 {
			dst = v.entries[i].append(dst)
			continue
		}
		for i+1 < len(v.spans) && v.spans[i+1].start == s.end { // adjacent entries are copied at once
			i++
			s.end = v.spans[i].end
		}
		dst = append(dst, v.content[s.start:s.end]...)
	}
	return dst
}
