package tenantdb

import (
	"math/bits"
	"slices"
	"sync/atomic"
)

// folders is the set of the domains that have rows with folders, so that a lookup
// of any other domain reads only the row without a folder. It is a Bloom filter
// with one hash function: it may contain further domains, which costs them a
// second lookup. States share it: bits are only added, before the state with the
// row is published.
type folders struct {
	bits []uint64 // accessed atomically; a power of two of them; none: no domain has folders
	room int      // domains that can be added; writers hold Directory.mu
}

// has reports whether the domain with that hash may have rows with folders.
func (f *folders) has(hash uint64) bool {
	if len(f.bits) == 0 {
		return false
	}
	word, bit := f.position(hash)
	return atomic.LoadUint64(&f.bits[word])&bit != 0
}

// add adds a domain. It reports false if there is no room for it.
func (f *folders) add(hash uint64) bool {
	if f.has(hash) {
		return true
	}
	if f.room == 0 {
		return false
	}
	f.room--
	word, bit := f.position(hash)
	atomic.OrUint64(&f.bits[word], bit)
	return true
}

// position maps the low bits of the hash, so that halves of a filter can be merged.
func (f *folders) position(hash uint64) (word int, bit uint64) {
	i := hash & uint64(len(f.bits)*64-1)
	return int(i >> 6), 1 << (i & 63)
}

// foldersOf returns the folders of a table of domains, with at least 16 bits for
// each domain.
func (d *Directory) foldersOf(t *table) *folders {
	var rows atomic.Int64
	t.eachWithFolder(func(view) { rows.Add(1) })
	if rows.Load() == 0 {
		return &folders{}
	}
	f := &folders{bits: make([]uint64, 1<<bits.Len64(uint64(rows.Load())*16/64))}
	t.eachWithFolder(func(v view) {
		word, bit := f.position(d.hash(v.domain()))
		atomic.OrUint64(&f.bits[word], bit)
	})
	f.shrink()
	return f
}

// shrink reduces a filter that is not published yet, because a domain may have many
// rows, and leaves room for three times as many domains.
func (f *folders) shrink() {
	domains := 0
	for _, word := range f.bits {
		domains += bits.OnesCount64(word)
	}
	for len(f.bits) > 1 && domains*32 <= len(f.bits)*64 {
		half := len(f.bits) / 2
		for i, word := range f.bits[half:] {
			f.bits[i] |= word
		}
		f.bits = f.bits[:half]
	}
	f.bits = slices.Clone(f.bits)
	f.room = 3 * max(domains, 4)
}

// eachWithFolder calls do for all rows with folders, on all processors.
func (t *table) eachWithFolder(do func(view)) {
	parallel(len(t.shards), func(from, to int) {
		for _, s := range t.shards[from:to] {
			s.each(func(v view) bool {
				if v.folderLen() > 0 {
					do(v)
				}
				return true
			})
		}
	})
}
