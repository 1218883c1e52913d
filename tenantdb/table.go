package tenantdb

import (
	"math/bits"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// A table is an immutable hash table. The upper bits of the hash choose a shard,
// its middle bits a bucket of about two records; its low byte is stored with the
// record. The records of a bucket are adjacent in the shard's text, so that a
// lookup reads one offset, which the processor's cache is likely to hold, and
// then one place in memory. A shard holds about 256 records, which a patch
// rebuilds.
type table struct {
	shards []*shard
	shift  uint // 64 - log2 of the number of shards
	count  int  // records
}

type shard struct {
	offsets []uint16 // of the buckets in text, in units of 1<<unit bytes; the last is the end
	unit    uint8    // 0 unless the text is longer than 64 KiB
	text    string
	extras  []*extra
}

const (
	rowsPerShard  = 256
	rowsPerBucket = 2
)

var emptyShard = &shard{offsets: []uint16{0, 0}}

func (t *table) shardOf(hash uint64) int { return int(hash >> t.shift) }

// bucketOf maps the middle 32 bits of the hash to the buckets. They do not
// overlap the bits that choose the shard unless there are more than 65,536
// shards.
func (s *shard) bucketOf(hash uint64) int {
	return int((hash >> 16 & 0xffffffff) * uint64(len(s.offsets)-1) >> 32)
}

// bucket returns the text of the records that may have the hash, and its shard.
func (t *table) bucket(hash uint64) (string, *shard) {
	s := t.shards[t.shardOf(hash)]
	return s.bucket(s.bucketOf(hash)), s
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
	for b := range len(s.offsets) - 1 {
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

// buildTable builds a table of the records at(i), one per hash. same reports
// whether two records have the same key; if so the first stays, and lost is
// called for the other. lost must be safe for concurrent use. A nil same means
// that all keys differ.
func buildTable(hashes []uint64, at func(i int) record, same func(i, j int) bool, lost func(i, first int)) table {
	n := len(hashes)
	t := newTable(shardCount(n))
	// A stable counting sort by shard keeps the load order within each shard.
	starts := make([]int, len(t.shards)+1)
	for _, h := range hashes {
		starts[t.shardOf(h)+1]++
	}
	for i := range t.shards {
		starts[i+1] += starts[i]
	}
	order := make([]int32, n)
	next := append([]int(nil), starts[:len(t.shards)]...)
	for i, h := range hashes {
		s := t.shardOf(h)
		order[next[s]] = int32(i)
		next[s]++
	}
	var count atomic.Int64
	parallel(len(t.shards), func(from, to int) {
		var b shardBuilder
		for s := from; s < to; s++ {
			b.reset()
		rows:
			for _, i := range order[starts[s]:starts[s+1]] {
				if same != nil {
					for k, h := range b.hashes {
						if h == hashes[i] && same(int(i), b.index[k]) {
							lost(int(i), b.index[k])
							continue rows
						}
					}
				}
				b.add(hashes[i], at(int(i)), int(i))
			}
			t.shards[s] = b.build()
			count.Add(int64(len(b.hashes)))
		}
	})
	t.count = int(count.Load())
	return t
}

// shardBuilder collects the records of a shard. It can be reused.
type shardBuilder struct {
	hashes  []uint64
	records []record
	index   []int   // of the record, in buildTable
	ends    []int32 // by bucket, in order
	order   []int32 // the records by bucket
}

func (b *shardBuilder) reset() {
	b.hashes, b.records, b.index = b.hashes[:0], b.records[:0], b.index[:0]
}

func (b *shardBuilder) add(hash uint64, r record, index int) {
	b.hashes = append(b.hashes, hash)
	b.records = append(b.records, r)
	b.index = append(b.index, index)
}

func (b *shardBuilder) build() *shard {
	n := len(b.records)
	if n == 0 {
		return emptyShard
	}
	buckets := (n + rowsPerBucket - 1) / rowsPerBucket
	s := &shard{offsets: make([]uint16, buckets+1)}
	b.sort(s)
	size, extras := 0, 0
	for i := range b.records {
		size += b.records[i].size()
		if b.records[i].extra != nil {
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
			i := b.order[done]
			at := 0
			if e := b.records[i].extra; e != nil {
				s.extras = append(s.extras, e)
				at = len(s.extras)
			}
			b.records[i].write(&text, b.hashes[i], at)
		}
		for text.Len()&(1<<s.unit-1) != 0 {
			text.WriteByte(0)
		}
	}
	s.offsets[buckets] = uint16(text.Len() >> s.unit)
	s.text = text.String()
	return s
}

// sort sets order and ends, by counting sort.
func (b *shardBuilder) sort(s *shard) {
	buckets := len(s.offsets) - 1
	b.ends = append(b.ends[:0], make([]int32, buckets+1)...)
	for _, h := range b.hashes {
		b.ends[s.bucketOf(h)+1]++
	}
	for i := range buckets {
		b.ends[i+1] += b.ends[i]
	}
	b.order = append(b.order[:0], make([]int32, len(b.hashes))...)
	for i, h := range b.hashes {
		k := s.bucketOf(h)
		b.order[b.ends[k]] = int32(i) // until now ends[k] is the next free position
		b.ends[k]++
	}
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
