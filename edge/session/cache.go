package session

import (
	"container/list"
	"sync"
	"time"
)

// maxCached limits the bytes of all cached rows. The oldest are dropped first.
const maxCached = 32 << 20

// rowOverhead is the approximate size of a cached row without its strings.
const rowOverhead = 256

// cache holds the rows that were read last. They are used only while the store
// fails.
type cache struct {
	age time.Duration // maximum age of a row; 0 or less: nothing is cached
	max int           // bytes

	mu    sync.Mutex
	rows  map[string]*list.Element
	order list.List // of *cachedRow, oldest first
	bytes int
}

type cachedRow struct {
	key  string
	sent time.Time // when its query was sent
	answer
}

func (r *cachedRow) size() int { return len(r.key) + len(r.data) + rowOverhead }

// put replaces the cached row of a key by the answer to a query that was sent at
// that time.
func (c *cache) put(key string, sent time.Time, a answer) {
	if c.age <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.rows[key]; ok {
		c.remove(old)
	}
	if row := (&cachedRow{key, sent, a}); a.found && row.size() <= c.max {
		c.rows[key] = c.order.PushBack(row)
		c.bytes += row.size()
	}
	for oldest := c.order.Front(); oldest != nil; oldest = c.order.Front() {
		if c.bytes <= c.max && sent.Sub(oldest.Value.(*cachedRow).sent) < c.age {
			return
		}
		c.remove(oldest)
	}
}

// get returns the cached row of a key, unless it is too old.
func (c *cache) get(key string, now time.Time) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.rows[key]
	if !ok {
		return answer{}, false
	}
	row := e.Value.(*cachedRow)
	if now.Sub(row.sent) >= c.age {
		c.remove(e)
		return answer{}, false
	}
	return row.answer, true
}

// remove removes a row. The caller holds the lock.
func (c *cache) remove(e *list.Element) {
	row := c.order.Remove(e).(*cachedRow)
	delete(c.rows, row.key)
	c.bytes -= row.size()
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.rows)
}
