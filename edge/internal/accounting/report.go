package accounting

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Row is what one tenant used in one window.
type Row struct {
	Start   time.Time `json:"start"`
	Seconds float64   `json:"seconds"`      // length of the window
	Tenant  string    `json:"tenant"`       // schema; empty: requests without a tenant
	ID      string    `json:"id,omitempty"` // of the tenant's row; empty: a static tenant
	Usage
}

func (r *Row) end() time.Time {
	return r.Start.Add(time.Duration(min(r.Seconds*float64(time.Second), math.MaxInt64/2)))
}

// The values of Query.By.
const (
	// Recent is the total of the open window and the one before.
	Recent = "recent"
	Each   = "each" // as they are kept: windows, and hours that have passed
	Hour   = "hour"
	Day    = "day" // in UTC
	Total  = "total"
)

// Query says which rows a report has.
type Query struct {
	Since, Until time.Time // bounds of the windows' starts; zero: none
	By           string    // what windows are added up to; empty: Total
	Tenants      []string  // schemas; empty: all
	Sort         string    // one of Columns, or "requests", the largest first; empty: by name
	Limit        int       // of the rows of a window, after sorting; 0: none
}

// ParseTime parses a bound of a Query: a time as in RFC 3339, a day as in 2006-01-02, or
// a duration before now such as 24h. Empty: the zero time.
func ParseTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if before, err := time.ParseDuration(text); err == nil && before >= 0 {
		return now.Add(-before), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("expected a duration such as 24h, a day such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z, found %.40q", text)
}

// Check returns an error for values that a Query cannot have.
func (q *Query) Check() error {
	switch {
	case !slices.Contains([]string{"", Recent, Each, Hour, Day, Total}, q.By):
		return fmt.Errorf("window: expected %s, %s, %s, %s or %s, found %.40q", Total, Day, Hour, Each, Recent, q.By)
	case q.Sort != "" && q.Sort != "requests" && !slices.Contains(Columns[:], q.Sort):
		return fmt.Errorf("sort: expected requests or one of %v, found %.40q", Columns, q.Sort)
	case q.Limit < 0:
		return fmt.Errorf("limit: expected a number of rows, found %d", q.Limit)
	}
	return nil
}

// Report is the answer to a Query.
type Report struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Tenants int       `json:"tenants"` // with usage
	Total   Usage     `json:"total"`   // of all rows, with those that the limit leaves out
	Rows    []Row     `json:"rows"`
}

// Report returns what tenants used, in the windows that are in memory and in the open
// one.
func (l *Ledger) Report(q *Query) Report {
	s := NewSum(q)
	l.mu.Lock()
	all := slices.Clone(l.windows.all)
	open, _ := l.live(time.Now())
	l.mu.Unlock()
	if q.By == Recent {
		all = all[max(len(all)-1, 0):]
		// Of a process before, the last window with rows may have ended long ago.
		if len(all) > 0 && open.start.Sub(all[0].end()) >= l.options.Window {
			all = nil
		}
		s.cover(&open) // also if nothing was used in it
	}
	// The rows of closed windows are never changed.
	for _, w := range append(all, open) {
		for _, r := range w.rows {
			s.Add(&Row{w.start, w.length.Seconds(), r.key.Schema, r.key.ID, r.usage})
		}
	}
	return s.Report()
}

// Sum adds rows up to a Report.
type Sum struct {
	query   *Query
	tenants map[string]bool // nil: all
	windows map[time.Time]*summed
}

// summed is a window of a Report.
type summed struct {
	from, to time.Time
	rows     map[Key]*Usage
}

// NewSum returns the Sum of no rows. The query was checked.
func NewSum(q *Query) *Sum {
	s := &Sum{query: q, windows: map[time.Time]*summed{}}
	if len(q.Tenants) > 0 {
		s.tenants = map[string]bool{}
	}
	for _, t := range q.Tenants {
		s.tenants[t] = true
	}
	return s
}

// cover makes a total cover a window that may have no rows.
func (s *Sum) cover(w *window) {
	s.windows[time.Time{}] = &summed{from: w.start, to: w.end(), rows: map[Key]*Usage{}}
}

// Add adds a row, if it is one that the query is about.
func (s *Sum) Add(r *Row) {
	q := s.query
	if s.tenants != nil && !s.tenants[r.Tenant] || r.Start.Before(q.Since) || !q.Until.IsZero() && !r.Start.Before(q.Until) {
		return
	}
	var at time.Time // Total and Recent
	switch q.By {
	case Each:
		at = r.Start.UTC()
	case Hour:
		at = r.Start.UTC().Truncate(time.Hour)
	case Day:
		at = r.Start.UTC().Truncate(24 * time.Hour)
	}
	w := s.windows[at]
	if w == nil {
		w = &summed{from: r.Start, to: r.end(), rows: map[Key]*Usage{}}
		s.windows[at] = w
	}
	w.from, w.to = earlier(w.from, r.Start), later(w.to, r.end())
	k := Key{r.Tenant, r.ID}
	if w.rows[k] == nil {
		w.rows[k] = new(Usage)
	}
	w.rows[k].Add(&r.Usage)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Report returns what was added.
func (s *Sum) Report() Report {
	r := Report{Rows: []Row{}}
	tenants := map[Key]bool{}
	for _, w := range s.windows {
		if r.From.IsZero() {
			r.From = w.from
		}
		r.From, r.To = earlier(r.From, w.from), later(r.To, w.to)
		rows := make([]Row, 0, len(w.rows))
		for k, u := range w.rows {
			tenants[k] = true
			r.Total.Add(u)
			rows = append(rows, Row{w.from.UTC(), w.to.Sub(w.from).Seconds(), k.Schema, k.ID, *u})
		}
		slices.SortFunc(rows, s.query.compare)
		if limit := s.query.Limit; limit > 0 && len(rows) > limit {
			rows = rows[:limit]
		}
		r.Rows = append(r.Rows, rows...)
	}
	slices.SortStableFunc(r.Rows, func(a, b Row) int { return a.Start.Compare(b.Start) })
	r.From, r.To, r.Tenants = r.From.UTC(), r.To.UTC(), len(tenants)
	return r
}

// compare compares rows of a window.
func (q *Query) compare(a, b Row) int {
	if q.Sort != "" {
		if c := cmp.Compare(b.Usage.Figure(q.Sort), a.Usage.Figure(q.Sort)); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
}

// Figure returns the figure of a column, or of any other name the number of requests.
func (u *Usage) Figure(column string) uint64 {
	if n := slices.Index(Columns[:], column); n >= 0 {
		return *u.Figures()[n]
	}
	return u.Requests()
}

// cell returns a name for a table, in one line. An application may let a tenant choose it, and
// a spreadsheet would take one that begins with = for a formula.
func cell(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, name)
	if name != "" && strings.ContainsRune("'=+-@", rune(name[0])) {
		return "'" + name
	}
	return name
}

// WriteCSV writes the rows, with a line of names. A name that could be a formula begins
// with an apostrophe. cost returns what a row costs, for a column of that name; nil: there is
// none.
func (r *Report) WriteCSV(to io.Writer, cost func(*Usage) string) error {
	w := csv.NewWriter(to)
	line := append([]string{"start", "seconds", "tenant", "id"}, Columns[:]...)
	if cost != nil {
		line = append(line, "cost")
	}
	_ = w.Write(line) // Error returns the error
	for i := range r.Rows {
		row := &r.Rows[i]
		line = append(line[:0], row.Start.Format(time.RFC3339Nano), strconv.FormatFloat(row.Seconds, 'f', -1, 64), cell(row.Tenant), cell(row.ID))
		for _, figure := range row.Usage.Figures() {
			line = append(line, strconv.FormatUint(*figure, 10))
		}
		if cost != nil {
			line = append(line, cost(&row.Usage))
		}
		_ = w.Write(line)
	}
	w.Flush()
	return w.Error()
}
