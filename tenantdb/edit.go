package tenantdb

// edits are the records that a table loses and gains.
type edits struct{ removed, added []edit }

type edit struct {
	hash   uint64
	record record
}

func (e *edits) remove(hash uint64, key record) { e.removed = append(e.removed, edit{hash, key}) }
func (e *edits) add(hash uint64, r record)      { e.added = append(e.added, edit{hash, r}) }

// edit returns the edited table, which shares unchanged shards with t. hash
// returns the hash of a record's key; is reports whether a record has the key of
// another.
func (t table) edit(e edits, hash func(view) uint64, is func(view, record) bool) table {
	if len(e.removed)+len(e.added) == 0 {
		return t
	}
	if n := t.count + len(e.added); n > 4*rowsPerShard*len(t.shards) {
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
		b.reset()
		before := 0
		t.shards[i].each(func(v view) bool {
			before++
			if h := hash(v); !own.removes(h, v, is) {
				b.add(h, v.record(), 0)
			}
			return true
		})
		for _, a := range own.added {
			b.add(a.hash, a.record, 0)
		}
		next.shards[i] = b.build()
		next.count += len(b.hashes) - before
	}
	return next
}

func (e *edits) removes(hash uint64, v view, is func(view, record) bool) bool {
	for i := range e.removed {
		if e.removed[i].hash == hash && is(v, e.removed[i].record) {
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
		builders[next.shardOf(h)].add(h, v.record(), 0)
		return true
	})
	for i := range builders {
		next.shards[i] = builders[i].build()
	}
	return next
}
