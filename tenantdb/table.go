package tenantdb

import (
	"encoding/binary"
	"math/bits"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// A table is an immutable hash table. The upper bits of the hash choose a shard,
// its middle bits a bucket of about two records; its low byte is stored with the
// record. The records of a bucket are adjacent in the shard's text, so that a
// lookup reads one offset, which the processor's cache is likely to hold, and
// then one place in memory. The offsets are part of the shard: reading them does
// not wait for another pointer. A patch rebuilds a shard.
type table struct {
	shards []*shard
	shift  uint // 64 - log2 of the number of shards
	count  int  // records
}

type shard struct {
	text    string
	offsets [buckets + 1]uint16 // of the buckets in text, in units of 1<<unit bytes; the last is the end
	unit    uint8               // 0 unless the text is longer than 64 KiB
	extras  []*extra
}

const (
	rowsPerShard = 256 // at most, after a full load
	buckets      = 128 // of a shard
)

var emptyShard = &shard{}

func (t *table) shardOf(hash uint64) int { return int(hash >> t.shift) }

func bucketOf(hash uint64) int { return int(hash >> 16 % buckets) }

// bucket returns the text of the records that may have the hash, and its shard.
func (t *table) bucket(hash uint64) (string, *shard) {
	s := t.shards[t.shardOf(hash)]
	return s.bucket(bucketOf(hash)), s
}

func (s *shard) bucket(b int) string {
	return s.text[int(s.offsets[b])<<s.unit : int(s.offsets[b+1])<<s.unit]
}

// each yields all records of the table, in no particular order, and reports
// whether yield has accepted all of them.
func (t *table) each(yield func(view) bool) bool {
	for _, s := range t.shards {
		if !s.each(yield) {
			return false
		}
	}
	return true
}

func (s *shard) each(yield func(view) bool) bool {
	for b := range buckets {
		for text := s.bucket(b); more(text); {
			v := view{text, s}
			if !yield(v) {
				return false
			}
			text = text[v.size():]
		}
	}
	return true
}

// more reports whether text starts with a record. The padding after a bucket's
// last record is zeros, also where a record has the length of its schema.
func more(text string) bool { return len(text) >= recordHead && text[7] != 0 }

// shardCount returns the number of shards for n records, a power of two.
func shardCount(n int) int {
	if n <= rowsPerShard {
		return 1
	}
	return 1 << bits.Len(uint((n-1)/rowsPerShard))
}

func newTable(shards int) table {
	t := table{shards: make([]*shard, shards), shift: uint(64 - bits.TrailingZeros(uint(shards)))}
	for i := range t.shards {
		t.shards[i] = emptyShard
	}
	return t
}

// entry is a record that is not in a table yet.
type entry struct {
	hash  uint64 // of its key
	text  string // the record, without the index of its extra; empty: left out
	extra *extra
}

// buildTable builds a table of the entries. same reports whether two records have
// the same key; if so the first stays, and lost is called with the index of the
// other. lost must be safe for concurrent use. A nil same means that all keys
// differ.
func buildTable(entries []entry, same func(a, b view) bool, lost func(i int32)) table {
	t := newTable(shardCount(len(entries)))
	// A stable counting sort by shard keeps the load order within each shard.
	starts := make([]int32, len(t.shards)+1)
	for i := range entries {
		if entries[i].text != "" {
			starts[t.shardOf(entries[i].hash)+1]++
		}
	}
	for i := range t.shards {
		starts[i+1] += starts[i]
	}
	order := make([]int32, starts[len(t.shards)])
	next := slices.Clone(starts)
	for i := range entries {
		if entries[i].text != "" {
			s := t.shardOf(entries[i].hash)
			order[next[s]] = int32(i)
			next[s]++
		}
	}
	var count atomic.Int64
	parallel(len(t.shards), func(from, to int) {
		var b shardBuilder
		for s := from; s < to; s++ {
			own := order[starts[s]:starts[s+1]]
			b.entries = b.entries[:0]
			for _, i := range own {
				b.entries = append(b.entries, entries[i])
			}
			shard, duplicates := b.build(same)
			for _, k := range duplicates {
				lost(own[k])
			}
			t.shards[s] = shard
			count.Add(int64(len(own) - len(duplicates)))
		}
	})
	t.count = int(count.Load())
	return t
}

// shardBuilder builds a shard of its entries. It can be reused.
type shardBuilder struct {
	entries []entry
	order   []int32        // the entries by bucket
	ends    [buckets]int32 // of the buckets in order
}

// build returns the shard, and the indices of the entries that it leaves out
// because an earlier one is the same. A nil same means that all keys differ.
func (b *shardBuilder) build(same func(a, b view) bool) (s *shard, duplicates []int32) {
	if len(b.entries) == 0 {
		return emptyShard, nil
	}
	s = &shard{}
	b.sort()
	if same != nil {
		duplicates = b.deduplicate(same)
	}
	size, extras := 0, 0
	for i := range b.entries {
		size += len(b.entries[i].text)
		if b.entries[i].extra != nil {
			extras++
		}
	}
	if extras > 0 {
		s.extras = make([]*extra, 0, extras)
	}
	for (size+buckets<<s.unit)>>s.unit > 1<<16-1 {
		s.unit++
	}
	if s.unit > 0 {
		size += buckets << s.unit
	}
	var text strings.Builder
	text.Grow(size)
	done := int32(0)
	for k := range buckets {
		s.offsets[k] = uint16(text.Len() >> s.unit)
		for ; done < b.ends[k]; done++ {
			s.write(&text, &b.entries[b.order[done]])
		}
		for text.Len()&(1<<s.unit-1) != 0 {
			text.WriteByte(0)
		}
	}
	s.offsets[buckets] = uint16(text.Len() >> s.unit)
	s.text = text.String()
	return s, duplicates
}

// write adds an entry to the shard.
func (s *shard) write(text *strings.Builder, e *entry) {
	if e.extra == nil || e.text == "" {
		text.WriteString(e.text)
		return
	}
	s.extras = append(s.extras, e.extra)
	var index [recordHead - extraAt]byte
	binary.LittleEndian.PutUint32(index[:], uint32(len(s.extras)))
	text.WriteString(e.text[:extraAt])
	text.Write(index[:])
	text.WriteString(e.text[recordHead:])
}

// deduplicate empties the entries that are the same as an earlier one, and
// returns their indices.
func (b *shardBuilder) deduplicate(same func(a, b view) bool) (duplicates []int32) {
	from := int32(0)
	for _, end := range b.ends {
		bucket := b.order[from:end]
		for k, i := range bucket {
			e := &b.entries[i]
			for _, j := range bucket[:k] {
				if f := &b.entries[j]; f.hash == e.hash && f.text != "" && same(view{text: f.text}, view{text: e.text}) {
					duplicates = append(duplicates, i)
					e.text = ""
					break
				}
			}
		}
		from = end
	}
	return duplicates
}

// sort sets order and ends, by counting sort.
func (b *shardBuilder) sort() {
	var next [buckets + 1]int32
	for i := range b.entries {
		next[bucketOf(b.entries[i].hash)+1]++
	}
	for k := range buckets {
		next[k+1] += next[k]
	}
	b.order = append(b.order[:0], make([]int32, len(b.entries))...)
	for i := range b.entries {
		k := bucketOf(b.entries[i].hash)
		b.order[next[k]] = int32(i)
		next[k]++
	}
	b.ends = [buckets]int32(next[:buckets])
}

// parallel calls do on all processors for ranges that together cover [0, n).
func parallel(n int, do func(from, to int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		do(0, n)
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { do(n*w/workers, n*(w+1)/workers) })
	}
	wg.Wait()
}
