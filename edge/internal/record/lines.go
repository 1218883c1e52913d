package record

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// lines encodes the lines of one section. Rows and questions are written once, before
// the first line that refers to them.
type lines struct {
	b    []byte
	rows map[string]int // number by line without its number
	asks map[string]int

	scratch []byte
	numbers []int
}

// maxDefinitions bounds the memory of the maps. After as many a section ends.
const maxDefinitions = 50_000

// begin starts a section.
func (l *lines) begin(h *Header) error {
	line, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("record: the header: %w", err)
	}
	l.rows, l.asks = map[string]int{}, map[string]int{}
	l.b = append(append(l.b, line...), '\n')
	return nil
}

func (l *lines) full() bool { return len(l.rows)+len(l.asks) >= maxDefinitions }

// define writes the definition whose line without its number is in scratch, unless known
// has it, and returns its number.
func (l *lines) define(key string, known map[string]int) int {
	if n, ok := known[string(l.scratch)]; ok {
		return n
	}
	n := len(known)
	known[string(l.scratch)] = n
	o := object{append(l.b, '{')}
	o.number(key, int64(n))
	l.b = append(o.b, l.scratch...)
	l.b = append(l.b, '}', '\n')
	return n
}

func (l *lines) row(m *tenantdb.Match) int {
	o := object{l.scratch[:0]}
	o.b = append(o.b, `,"id":`...)
	o.b = appendString(o.b, m.Tenant.ID)
	o.text("schema", m.Tenant.Schema)
	o.set("domain", m.Domain)
	o.set("folder", m.Folder)
	o.flag("primary", m.IsPrimary)
	o.flag("redirect", m.RedirectToPrimary)
	o.flag("ambiguous", m.Ambiguous)
	var attributes []string
	for _, a := range m.Tenant.Attributes {
		attributes = append(attributes, a.Name, a.Value)
	}
	o.texts("attributes", attributes)
	l.scratch = o.b
	return l.define("r", l.rows)
}

func (l *lines) ask(a *Ask) int {
	row := -1
	if a.Row != nil {
		row = l.row(a.Row)
	}
	o := object{l.scratch[:0]}
	o.b = append(o.b, `,"ask":`...)
	o.b = appendString(o.b, a.Kind)
	o.texts("of", a.Of)
	if row >= 0 {
		o.number("row", int64(row))
	}
	o.set("answer", a.Answer)
	if a.Errno != 0 {
		o.number("errno", int64(a.Errno))
	}
	l.scratch = o.b
	return l.define("a", l.asks)
}

// request writes a request, after what it refers to.
func (l *lines) request(e *entry) {
	l.numbers = l.numbers[:0]
	for _, a := range e.Asks {
		l.numbers = append(l.numbers, l.ask(a))
	}
	q := &e.Request.Request
	o := object{append(l.b, '{')}
	o.number("t", e.Time)
	o.text("method", q.Method)
	o.text("scheme", q.Scheme)
	if !q.NoHost {
		o.text("host", q.Host)
	}
	o.text("target", q.Target)
	o.flag("trusted", q.Trusted)
	o.flag("websocket", q.Websocket)
	o.flag("explain", q.Explain)
	o.set("session", q.Session)
	if len(q.Header) > 0 {
		o.headers(e)
	}
	o.texts("redacted", e.Redacted)
	if len(l.numbers) > 0 {
		o.key("asks")
		o.b = append(o.b, '[')
		for i, n := range l.numbers {
			if i > 0 {
				o.b = append(o.b, ',')
			}
			o.b = strconv.AppendInt(o.b, int64(n), 10)
		}
		o.b = append(o.b, ']')
	}
	o.number("fuel", int64(e.Fuel))
	if e.decided != nil {
		o.key("decision")
		o.b = AppendDecision(o.b, e.decided, q)
	} else {
		o.text("failed", e.Failed)
		o.set("error", e.Error)
	}
	l.b = append(o.b, '}', '\n')
}

// headers writes the values of the guest's headers, null for one that is absent.
func (o *object) headers(e *entry) {
	o.key("headers")
	o.b = append(o.b, '[')
	for i, name := range e.guest.header.Headers {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		if values := e.Request.Request.Header[name]; len(values) > 0 {
			o.b = appendString(o.b, values[0])
		} else {
			o.b = append(o.b, "null"...)
		}
	}
	o.b = append(o.b, ']')
}
