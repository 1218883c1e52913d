package accounting

import (
	"cmp"
	"slices"
	"time"
	"unsafe"
)

// row is what a tenant used in a window.
type row struct {
	key   Key
	usage Usage
}

const rowBytes = int64(unsafe.Sizeof(row{}))

func compareRows(a, b row) int {
	return cmp.Or(cmp.Compare(a.key.Schema, b.key.Schema), cmp.Compare(a.key.ID, b.key.ID))
}

// window is a stretch of time with what was used in it.
type window struct {
	start  time.Time
	length time.Duration
	rows   []row // sorted; tenants that used nothing are missing
}

// end returns when the window ended.
func (w *window) end() time.Time {
	return w.start.Add(w.length)
}

// merge adds the rows of a later window.
func (w *window) merge(o window) {
	w.length += o.length
	if len(w.rows) == 0 {
		w.rows = o.rows
		return
	}
	merged := make([]row, 0, max(len(w.rows), len(o.rows)))
	for len(w.rows) > 0 && len(o.rows) > 0 {
		switch c := compareRows(w.rows[0], o.rows[0]); {
		case c < 0:
			merged, w.rows = append(merged, w.rows[0]), w.rows[1:]
		case c > 0:
			merged, o.rows = append(merged, o.rows[0]), o.rows[1:]
		default:
			merged = append(merged, w.rows[0])
			merged[len(merged)-1].usage.Add(&o.rows[0].usage)
			w.rows, o.rows = w.rows[1:], o.rows[1:]
		}
	}
	w.rows = append(append(merged, w.rows...), o.rows...)
}

const (
	// fineFor is how long windows are kept as they are. Older ones are merged into
	// one for each hour.
	fineFor = time.Hour
	// keptFor is how long those of hours are kept.
	keptFor = 7 * 24 * time.Hour
	hour    = time.Hour
)

// windows are the closed windows, the oldest first. They do not overlap.
type windows struct {
	all   []window
	hours int // of all, that are merged ones
	rows  int
	limit int // of rows
}

// add adds a window and merges and drops old ones: those that are too old, and those
// for which there is no room.
func (ws *windows) add(w window, now time.Time) {
	ws.all = append(ws.all, w)
	ws.rows += len(w.rows)
	for ws.hours < len(ws.all) && (now.Sub(ws.all[ws.hours].end()) > fineFor || ws.rows > ws.limit && ws.hours < len(ws.all)-1) {
		ws.mergeOldest()
	}
	for len(ws.all) > 1 && (now.Sub(ws.all[0].end()) > keptFor || ws.rows > ws.limit) {
		ws.rows -= len(ws.all[0].rows)
		ws.all = slices.Delete(ws.all, 0, 1)
		ws.hours = max(ws.hours-1, 0)
	}
}

// mergeOldest merges the oldest window that is not merged into that of its hour.
func (ws *windows) mergeOldest() {
	w := ws.all[ws.hours]
	if ws.hours == 0 || !ws.all[ws.hours-1].start.Truncate(hour).Equal(w.start.Truncate(hour)) {
		ws.hours++
		return
	}
	before := &ws.all[ws.hours-1]
	ws.rows -= len(before.rows) + len(w.rows)
	before.merge(w)
	ws.rows += len(before.rows)
	ws.all = slices.Delete(ws.all, ws.hours, ws.hours+1)
}
