package record

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/hostfuncs"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Bounds of one recorded request. One that exceeds them is dropped.
const (
	maxAsks  = 1000
	maxBytes = 1 << 20
)

// entry is a request that waits to be written.
type entry struct {
	Request
	guest   *generation
	decided *guests.Decision // nil: the guest failed
	size    int              // about, in bytes
	tooMuch bool
}

// tape records one call.
type tape struct {
	log  *Log
	rows guests.Rows
	e    entry
}

var _ guests.RecordingTape = (*tape)(nil)

// add notes a question and its answer, which the tape keeps.
func (t *tape) add(a *Ask) {
	for _, text := range a.Of {
		t.e.size += len(text)
	}
	t.grow(len(a.Answer) + 100)
	if len(t.e.Asks) >= maxAsks {
		t.e.tooMuch = true
	}
	if !t.e.tooMuch {
		t.e.Asks = append(t.e.Asks, a)
	}
}

// grow counts bytes that the tape keeps.
func (t *tape) grow(n int) {
	t.e.size += n
	if t.e.size > maxBytes {
		t.e.tooMuch = true
	}
}

// Begin implements guests.Tape.
func (t *tape) Begin() {}

func (t *tape) addRow(kind string, m tenantdb.Match, ok bool, of ...string) {
	a := &Ask{Kind: kind, Of: of}
	for i := range of {
		of[i] = strings.Clone(of[i])
	}
	if ok {
		a.Row = &m
	}
	t.add(a)
}

// ByDomain implements guests.Rows.
func (t *tape) ByDomain(domain, folder string) (tenantdb.Match, bool) {
	m, ok := t.rows.ByDomain(domain, folder)
	t.addRow(AskDomain, m, ok, domain, folder)
	return m, ok
}

// ByReference implements guests.Rows.
func (t *tape) ByReference(ref string) (tenantdb.Tenant, bool) {
	found, ok := t.rows.ByReference(ref)
	t.addRow(AskReference, tenantdb.Match{Tenant: found}, ok, ref)
	return found, ok
}

// BySchema implements guests.Rows.
func (t *tape) BySchema(schema string) (tenantdb.Tenant, bool) {
	found, ok := t.rows.BySchema(schema)
	t.addRow(AskSchema, tenantdb.Match{Tenant: found}, ok, schema)
	return found, ok
}

// Primary implements guests.Rows.
func (t *tape) Primary(id string) (tenantdb.Match, bool) {
	m, ok := t.rows.Primary(id)
	t.addRow(AskPrimary, m, ok, id)
	return m, ok
}

// Query implements guests.Tape.
func (t *tape) Query(schema, name string, args []byte, ask func() ([]byte, error)) ([]byte, error) {
	a := &Ask{Kind: AskQuery, Of: []string{strings.Clone(schema), strings.Clone(name), string(args)}}
	rows, err := ask()
	a.Answer, a.Errno = string(rows), hostfuncs.ErrnoOf(err, nil)
	t.add(a)
	return rows, err
}

// Time implements hostfuncs.Tape.
func (t *tape) Time(clock hostfuncs.Clock, ns int64) int64 {
	kind := AskClock
	if clock == hostfuncs.Monotonic {
		kind = AskMonotonic
	}
	t.add(&Ask{Kind: kind, Answer: strconv.FormatInt(ns, 10)})
	return ns
}

// Random implements hostfuncs.Tape.
func (t *tape) Random(b []byte) {
	t.add(&Ask{Kind: AskRandom, Answer: base64.StdEncoding.EncodeToString(b)})
}

// Sleep implements hostfuncs.Tape.
func (t *tape) Sleep(d time.Duration, wait func(time.Duration) bool) bool {
	passed := wait(d)
	t.add(&Ask{Kind: AskSleep, Of: []string{strconv.FormatInt(int64(d), 10)}, Answer: strconv.FormatBool(passed)})
	return passed
}

// End implements guests.RecordingTape.
func (t *tape) End(g *guests.Generation, r *guests.Request, d *guests.Decision, fuel uint64, err error) {
	e := &t.e
	e.Fuel = fuel
	switch failure := (*guests.Failure)(nil); {
	case err == nil:
		e.decided = d
	case errors.Is(err, instance.ErrTooLarge):
		return // the guest was not asked
	case errors.As(err, &failure):
		e.Failed, e.Error = string(failure.Trap), shorten(failure.Err.Error())
	default:
		return
	}
	t.e.guest = t.log.generation(g)
	e.keep(r)
	t.log.put(e)
}

// keep copies what the guest got of r: the strings may belong to a server's buffer.
func (e *entry) keep(r *guests.Request) {
	q := &e.Request.Request
	*q = guests.Request{
		Method: strings.Clone(r.Method), Scheme: strings.Clone(r.Scheme), Host: strings.Clone(r.Host), NoHost: r.NoHost, Target: strings.Clone(r.Target),
		Session: strings.Clone(r.Session), Trusted: r.Trusted, Websocket: r.Websocket, Explain: r.Explain,
	}
	e.size += len(q.Host) + len(q.Target) + len(q.Session) + len(e.Error) + 500
	for _, name := range e.guest.header.Headers {
		if values := r.Header[name]; len(values) > 0 {
			if q.Header == nil {
				q.Header = http.Header{}
			}
			value := strings.Clone(strings.Join(values, "\n"))
			e.size += len(value)
			q.Header[name] = []string{value}
		}
	}
}

// maxError bounds the text of a failure, in bytes.
const maxError = 300

func shorten(text string) string {
	if len(text) > maxError {
		return strings.ToValidUTF8(text[:maxError], "") + " …"
	}
	return text
}
