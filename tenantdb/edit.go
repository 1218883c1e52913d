package tenantdb

// edits are the records that a table loses and gains.
type edits struct {
	removed []removal
	added   []entry
}

type removal struct {
	hash uint64
	key  record
}

func (e *edits) remove(hash uint64, key record) { e.removed = append(e.removed, removal{hash, key}) }

func (e *edits) add(hash uint64, r record) {
	e.added = append(e.added, entry{hash, string(r.append(nil, hash)), r.extra})
}

// edit returns the edited table, which shares unchanged shards with t. hash
// returns the hash of a record's key; is reports whether a record has the key of
// another.
func (t table) edit(e edits, hash func(view) uint64, is func(view, record) bool) table {
	if len(e.removed)+len(e.added) == 0 {
		return t
	}
	if n := t.count + len(e.added); n > 2*rowsPerShard*len(t.shards) {
		t = t.grow(shardCount(n), hash)
	}
	next := t
	next.shards = append([]*shard(nil), t.shards...)
	touched := map[int]*edits{}
	at := func(h uint64) *edits {
		s := t.shardOf(h)
		if touched[s] == nil {
			touched[s] = &edits{}
		}
		return touched[s]
	}
	for _, r := range e.removed {
		s := at(r.hash)
		s.removed = append(s.removed, r)
	}
	for _, a := range e.added {
		s := at(a.hash)
		s.added = append(s.added, a)
	}
	var b shardBuilder
	for i, own := range touched {
		b.entries = b.entries[:0]
		before := 0
		t.shards[i].each(func(v view) bool {
			before++
			if h := hash(v); !own.removes(h, v, is) {
				b.entries = append(b.entries, v.entry(h))
			}
			return true
		})
		b.entries = append(b.entries, own.added...)
		next.shards[i], _ = b.build(nil)
		next.count += len(b.entries) - before
	}
	return next
}

func (e *edits) removes(hash uint64, v view, is func(view, record) bool) bool {
	for i := range e.removed {
		if e.removed[i].hash == hash && is(v, e.removed[i].key) {
			return true
		}
	}
	return false
}

// grow distributes the records over more shards.
func (t table) grow(shards int, hash func(view) uint64) table {
	next := newTable(shards)
	next.count = t.count
	builders := make([]shardBuilder, shards)
	t.each(func(v view) bool {
		h := hash(v)
		b := &builders[next.shardOf(h)]
		b.entries = append(b.entries, v.entry(h))
		return true
	})
	for i := range builders {
		next.shards[i], _ = builders[i].build(nil)
	}
	return next
}

// entry returns the record as an entry of another shard.
func (v view) entry(hash uint64) entry { return entry{hash, v.text[:v.size()], v.extra()} }
