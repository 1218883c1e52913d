package console

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/accesslog"
	"github.com/tenantedge/tenantedge/edge/internal/logs"
)

// Ring keeps the last records of a log in memory.
type Ring struct {
	mu      sync.Mutex
	log     circle        // all but the access log
	access  circle        // the access log, which would push out everything else
	last    uint64        // number of records so far
	changed chan struct{} // closed when a record is added
	watched bool          // changed is waited for
}

const (
	maxRecords = 1000 // of the log
	maxAccess  = 200
	maxText    = 1 << 10 // bytes of a message, and of each attribute
	maxAttrs   = 24      // of a record
)

// record is a record of the log. Its texts are those that were logged: control
// characters are removed when they are shown.
type record struct {
	Number uint64
	At     time.Time
	Level  slog.Level
	Text   string
	Attrs  []slog.Attr     // of basic kinds
	line   *accesslog.Line // memory for a line of the access log
	isLine bool            // line has the attributes, instead of Attrs
}

// circle is a list in which new records replace the oldest.
type circle struct {
	records []record
	next    int // where the next one goes, once records is full
}

// NewRing returns an empty Ring.
func NewRing() *Ring { return &Ring{changed: make(chan struct{})} }

// Logger returns a logger that passes records on to another, and keeps them. nil is
// slog.Default.
func (l *Ring) Logger(to *slog.Logger) *slog.Logger {
	if to == nil {
		to = slog.Default()
	}
	return slog.New(&ringHandler{Handler: to.Handler(), ring: l})
}

type ringHandler struct {
	slog.Handler
	ring  *Ring
	attrs []slog.Attr // of WithAttrs
	group string      // of WithGroup, with a dot
}

func (h *ringHandler) Handle(ctx context.Context, r slog.Record) error {
	h.ring.add(h, &r)
	return h.Handler.Handle(ctx, r)
}

// HandleAccess implements accesslog.Handler.
func (h *ringHandler) HandleAccess(ctx context.Context, line accesslog.Line) error {
	if len(h.attrs) > 0 || h.group != "" {
		return accesslog.Write(ctx, onlyRecords{h}, line)
	}
	h.ring.addLine(&line)
	return accesslog.Write(ctx, h.Handler, line)
}

// onlyRecords is a handler that is no accesslog.Handler.
type onlyRecords struct{ slog.Handler }

func (h *ringHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	own := slices.Clip(h.attrs)
	for _, a := range attrs {
		own = appendAttr(own, h.group, a)
	}
	return &ringHandler{h.Handler.WithAttrs(attrs), h.ring, own, h.group}
}

func (h *ringHandler) WithGroup(name string) slog.Handler {
	group := h.group
	if name != "" {
		group += name + "."
	}
	return &ringHandler{h.Handler.WithGroup(name), h.ring, h.attrs, group}
}

// add keeps a record. It reuses the memory of the one that it replaces, so that a busy
// access log makes no garbage.
func (l *Ring) add(h *ringHandler, r *slog.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list, size := &l.log, maxRecords
	if r.Message == accesslog.Message {
		list, size = &l.access, maxAccess
	}
	kept := list.slot(size)
	kept.At, kept.Level, kept.Text, kept.isLine = r.Time, r.Level, logs.Cut(r.Message, maxText), false
	kept.Attrs = append(kept.Attrs[:0], h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		kept.Attrs = appendAttr(kept.Attrs, h.group, a)
		return len(kept.Attrs) < maxAttrs
	})
	l.added(kept)
}

// addLine keeps a line of the access log.
func (l *Ring) addLine(line *accesslog.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.access.slot(maxAccess)
	if kept.line == nil {
		kept.line = new(accesslog.Line)
	}
	*kept.line = *line
	for _, text := range []*string{&kept.line.Method, &kept.line.Host, &kept.line.Path, &kept.line.Reason} { // the client chooses their length
		*text = logs.Cut(*text, maxText)
	}
	kept.At, kept.Level, kept.Text, kept.isLine = line.At, slog.LevelInfo, accesslog.Message, true
	l.added(kept)
}

// added numbers a record that was added, and wakes those that wait for it.
func (l *Ring) added(kept *record) {
	l.last++
	kept.Number = l.last
	if l.watched {
		close(l.changed)
		l.changed, l.watched = make(chan struct{}), false
	}
}

// attrs returns the attributes of a record.
func (r *record) attrs() []slog.Attr {
	if r.isLine {
		return r.line.AppendAttrs(nil)
	}
	return r.Attrs
}

func (c *circle) slot(size int) *record {
	if len(c.records) < size {
		c.records = append(c.records, record{})
		return &c.records[len(c.records)-1]
	}
	kept := &c.records[c.next]
	c.next = (c.next + 1) % size
	return kept
}

// appendAttr appends an attribute whose value no longer refers to anything that may
// change, and those of a group one by one.
func appendAttr(to []slog.Attr, group string, a slog.Attr) []slog.Attr {
	v := a.Value.Resolve()
	name := group + a.Key
	switch v.Kind() {
	case slog.KindGroup:
		if a.Key != "" {
			group = name + "."
		}
		for _, member := range v.Group() {
			if len(to) < maxAttrs {
				to = appendAttr(to, group, member)
			}
		}
		return to
	case slog.KindString:
		v = slog.StringValue(logs.Cut(v.String(), maxText))
	case slog.KindAny:
		v = slog.StringValue(logs.Cut(fmt.Sprint(v.Any()), maxText))
	default:
	}
	return append(to, slog.Attr{Key: name, Value: v})
}

// filter selects records.
type filter struct {
	Level slog.Level
	Kind  string // logKinds
	Text  string // that the message or an attribute contains, in any case
}

// The kinds of records.
const (
	kindAll    = ""
	kindEdge   = "edge"            // of the edge itself
	kindGuest  = "guest"           // of guests
	kindAudit  = "audit"           // who changed the guest
	kindAccess = accesslog.Message // requests, if logs.access is on
)

// since returns the records after number that f selects, the newest first, at most most
// of them. It also returns the number of the last record, and a channel that is closed
// when there is a further one.
func (l *Ring) since(number uint64, most int, f filter) (found []entry, last uint64, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watched = true
	for _, list := range []*circle{&l.log, &l.access} {
		if (f.Kind == kindAccess) != (list == &l.access) && f.Kind != kindAll {
			continue
		}
		for i := range list.records {
			if r := &list.records[i]; r.Number > number && r.Level >= f.Level && f.has(r) {
				found = append(found, entryOf(r))
			}
		}
	}
	slices.SortFunc(found, func(a, b entry) int { return int(int64(b.Number) - int64(a.Number)) })
	return found[:min(most, len(found))], l.last, l.changed
}

func (f *filter) has(r *record) bool {
	kind := kindEdge
	text := strings.ToLower(f.Text)
	contains := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	matches := text == "" || contains(r.Text)
	for _, a := range r.attrs() {
		if a.Key == "from" && a.Value.String() == kindGuest {
			kind = kindGuest
		}
		matches = matches || contains(a.Value.String())
	}
	switch r.Text {
	case kindAccess, kindAudit:
		if kind == kindEdge {
			kind = r.Text
		}
	}
	return matches && (f.Kind == kindAll || f.Kind == kind)
}

// entry is a record as it is shown.
type entry struct {
	Number uint64
	At     time.Time
	Level  slog.Level
	Text   string
	Attrs  []pair
}

type pair struct{ Name, Value string }

func entryOf(r *record) entry {
	e := entry{Number: r.Number, At: r.At, Level: r.Level, Text: clean(r.Text)}
	for _, a := range r.attrs() {
		e.Attrs = append(e.Attrs, pair{clean(a.Key), clean(a.Value.String())})
	}
	return e
}

var _ accesslog.Handler = (*ringHandler)(nil)
