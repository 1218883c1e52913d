package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Section is a part of a log that can be read without the rest: a header, and requests
// with all lines that they refer to.
type Section struct {
	Header Header
	// HeaderLine is the line of Header. Sections of the same guest and configuration
	// have the same.
	HeaderLine []byte

	name  string // of the file
	line  int    // of the header in the file, from 1
	lines []byte // after the header
}

// Where describes the place of a line in the file; 0 is the header.
func (s *Section) Where(line int) string { return fmt.Sprintf("%s:%d", s.name, s.line+line) }

func newSection(name string, line int, text []byte) (*Section, error) {
	header, lines, _ := bytes.Cut(text, []byte{'\n'})
	s := &Section{HeaderLine: header, name: name, line: line, lines: lines}
	var version struct {
		V int `json:"v"`
	}
	if err := json.Unmarshal(header, &version); err == nil && version.V != Version {
		return nil, fmt.Errorf("%s: expected version %d of the format, found %d; use the tenantedge that fits it", s.Where(0), Version, version.V)
	}
	d := json.NewDecoder(bytes.NewReader(header))
	d.DisallowUnknownFields()
	if err := d.Decode(&s.Header); err != nil {
		return nil, fmt.Errorf("%s: expected the header of a log of requests: %w", s.Where(0), err)
	}
	if len(s.Header.Headers) > abi.MaxAskedHeaders {
		return nil, fmt.Errorf("%s: expected at most %d headers, found %d", s.Where(0), abi.MaxAskedHeaders, len(s.Header.Headers))
	}
	for i, name := range s.Header.Headers {
		s.Header.Headers[i] = http.CanonicalHeaderKey(name)
	}
	return s, nil
}

// Count returns the number of requests.
func (s *Section) Count() int {
	n := bytes.Count(s.lines, []byte("\n"+beginRequest))
	if bytes.HasPrefix(s.lines, []byte(beginRequest)) {
		n++
	}
	return n
}

// How lines begin.
const (
	beginRow     = `{"r":`
	beginAsk     = `{"a":`
	beginRequest = `{"t":`
)

// Requests calls visit for each request, with its line after the header. The request is
// valid until visit returns; texts in it stay valid.
func (s *Section) Requests(visit func(line int, r *Request)) error {
	d := decoder{section: s, values: make([]string, len(s.Header.Headers)), present: make([]bool, len(s.Header.Headers))}
	d.request.Request.Header = make(http.Header, len(s.Header.Headers))
	rest := s.lines
	for n := 1; len(rest) > 0; n++ {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			end = len(rest)
		}
		isRequest := d.decode(rest[:end])
		if err := d.p.err; err != nil {
			return fmt.Errorf("%s: %w", s.Where(n), err)
		}
		if isRequest {
			visit(n, &d.request)
		}
		rest = rest[min(end+1, len(rest)):]
	}
	return nil
}

// decoder decodes the lines of a section.
type decoder struct {
	section *Section
	p       parser
	rows    []*tenantdb.Match
	asks    []*Ask
	request Request
	values  []string // of the section's headers; a header's value is a slice of it
	present []bool
}

// decode decodes a line, and reports whether it is a request.
func (d *decoder) decode(line []byte) bool {
	d.p = parser{b: line}
	switch {
	case bytes.HasPrefix(line, []byte(beginRequest)):
		d.decodeRequest()
		d.p.end()
		return true
	case bytes.HasPrefix(line, []byte(beginAsk)):
		d.decodeAsk()
	case bytes.HasPrefix(line, []byte(beginRow)):
		d.decodeRow()
	default:
		d.p.err = errFirstKey
		return false
	}
	d.p.end()
	return false
}

// numbered checks the number of a definition.
func (p *parser) numbered(next int) {
	if n := p.number(); n != int64(next) {
		p.fail("expected the number %d, since definitions are numbered from 0 in each section, found %d", next, n)
	}
}

func (d *decoder) decodeRow() {
	p, m := &d.p, &tenantdb.Match{}
	p.object(func(key string) {
		switch key {
		case "r":
			p.numbered(len(d.rows))
		case "id":
			m.Tenant.ID = p.text()
		case "schema":
			m.Tenant.Schema = p.text()
		case "domain":
			m.Domain = p.text()
		case "folder":
			m.Folder = p.text()
		case "primary":
			m.IsPrimary = p.flag()
		case "redirect":
			m.RedirectToPrimary = p.flag()
		case "ambiguous":
			m.Ambiguous = p.flag()
		case "attributes":
			all := p.texts()
			if len(all)%2 != 0 {
				p.fail("expected names and values in turn, found %d texts", len(all))
				return
			}
			for i := 0; i < len(all); i += 2 {
				m.Tenant.Attributes = append(m.Tenant.Attributes, tenantdb.Attribute{Name: all[i], Value: all[i+1]})
			}
		default:
			p.unknown(key)
		}
	})
	d.rows = append(d.rows, m)
}

func (d *decoder) decodeAsk() {
	p, a := &d.p, &Ask{}
	p.object(func(key string) {
		switch key {
		case "a":
			p.numbered(len(d.asks))
		case "ask":
			name := p.text()
			i := slices.Index(kinds, name)
			if i < 0 {
				p.fail("expected one of %q, found %.40q", kinds, name)
				return
			}
			a.Kind = kinds[i]
		case "of":
			a.Of = p.texts()
		case "row":
			n := p.number()
			if n >= int64(len(d.rows)) {
				p.fail("expected the number of a row above, of %d, found %d", len(d.rows), n)
				return
			}
			a.Row = d.rows[n]
		case "answer":
			a.Answer = p.text()
		case "errno":
			if n := p.number(); n > 0 && n < 1<<31 {
				a.Errno = abi.Errno(n)
			} else {
				p.fail("expected the number of an error, found %d", n)
			}
		default:
			p.unknown(key)
		}
	})
	if p.err == nil && len(a.Of) != arguments[a.Kind] {
		p.fail("expected %d texts in of for %q, found %d", arguments[a.Kind], a.Kind, len(a.Of))
	}
	d.asks = append(d.asks, a)
}

// arguments are the numbers of texts in Of.
var arguments = map[string]int{
	"": -1, AskDomain: 2, AskReference: 1, AskSchema: 1, AskPrimary: 1, AskQuery: 3, AskClock: 0, AskMonotonic: 0, AskRandom: 0,
	AskSleep: 1, AskFiles: 1, AskOpen: 2, AskSave: 3, AskStat: 2, AskList: 2, AskDelete: 2, AskURL: 2,
}

func (d *decoder) decodeRequest() {
	p, r := &d.p, &d.request
	q := &r.Request
	header := q.Header
	if len(header) > 0 {
		clear(header)
	}
	*r = Request{Asks: r.Asks[:0], Redacted: r.Redacted[:0]}
	q.Header, q.NoHost = header, true
	p.object(func(key string) {
		switch key {
		case "t":
			r.Time = p.number()
		case "method":
			q.Method = p.text()
		case "scheme":
			q.Scheme = p.text()
		case "host":
			q.Host, q.NoHost = p.text(), false
		case "target":
			q.Target = p.text()
		case "trusted":
			q.Trusted = p.flag()
		case "websocket":
			q.Websocket = p.flag()
		case "explain":
			q.Explain = p.flag()
		case "session":
			q.Session = p.text()
		case "headers":
			d.decodeHeaders()
		case "redacted":
			r.Redacted = p.texts()
		case "asks":
			p.array(func() {
				n := p.number()
				if n >= int64(len(d.asks)) {
					p.fail("expected the number of a question above, of %d, found %d", len(d.asks), n)
					return
				}
				r.Asks = append(r.Asks, d.asks[n])
			})
		case "fuel":
			r.Fuel = uint64(p.number())
		case "decision":
			r.Decision = p.raw()
		case "failed":
			r.Failed = p.text()
		case "error":
			r.Error = p.text()
		default:
			p.unknown(key)
		}
	})
	if p.err == nil && (r.Decision == nil) == (r.Failed == "") {
		p.fail("expected either decision or failed")
	}
}

func (d *decoder) decodeHeaders() {
	p, n := &d.p, 0
	p.array(func() {
		if n >= len(d.values) {
			p.fail("expected at most %d values, as the header has names, found more", len(d.values))
			return
		}
		if !p.null() {
			d.values[n] = p.text()
			d.request.Request.Header[d.section.Header.Headers[n]] = d.values[n : n+1 : n+1]
		}
		n++
	})
}
