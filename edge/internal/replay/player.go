package replay

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/record"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// player answers a guest from a recorded request. What was not recorded is noted in
// missing, and answered as if it did not exist.
type player struct {
	request *record.Request
	used    []bool // the asks that were answered
	running bool   // the guest, not the host in advance, looks up
	missing []string
}

var _ guests.Tape = (*player)(nil)

// play prepares for a request.
func (p *player) play(r *record.Request) {
	p.request, p.running = r, false
	p.used = append(p.used[:0], make([]bool, len(r.Asks))...)
	p.missing = p.missing[:0]
}

// maxMissing bounds what is noted for one request.
const maxMissing = 10

func (p *player) miss(format string, args ...any) {
	if len(p.missing) < maxMissing {
		p.missing = append(p.missing, fmt.Sprintf(format, args...))
	}
}

// Begin implements guests.Tape.
func (p *player) Begin() { p.running = true }

// find returns the answer to a question: of several ones in a request, each in its turn,
// and the last one again if the guest asks more often; nil: it was not recorded.
func (p *player) find(kind string, of ...string) *record.Ask {
	var last *record.Ask
	for i, a := range p.request.Asks {
		if a.Kind != kind || !slices.Equal(a.Of, of) {
			continue
		}
		if last = a; !p.used[i] {
			p.used[i] = true
			return a
		}
	}
	return last
}

// next returns the next answer of a kind that differs each time; nil: there is none.
func (p *player) next(kind string) *record.Ask {
	for i, a := range p.request.Asks {
		if a.Kind == kind && !p.used[i] {
			p.used[i] = true
			return a
		}
	}
	return nil
}

func found(a *record.Ask) (tenantdb.Match, bool) {
	if a.Row == nil {
		return tenantdb.Match{}, false
	}
	return *a.Row, true
}

// ByDomain implements guests.Rows.
func (p *player) ByDomain(domain, folder string) (tenantdb.Match, bool) {
	for _, a := range p.request.Asks { // the most frequent question: without an allocation
		if a.Kind == record.AskDomain && a.Of[0] == domain && a.Of[1] == folder {
			return found(a)
		}
	}
	if p.running { // the record of a lookup in advance may be absent for any reason
		p.miss("the row of the domain %q, folder %q", domain, folder)
	}
	return tenantdb.Match{}, false
}

// ByReference implements guests.Rows.
func (p *player) ByReference(ref string) (tenantdb.Tenant, bool) {
	if a := p.find(record.AskReference, ref); a != nil {
		m, ok := found(a)
		return m.Tenant, ok
	}
	p.miss("the tenant with the reference %q", ref)
	return tenantdb.Tenant{}, false
}

// BySchema implements guests.Rows. A schema is known too if another answer has its row.
func (p *player) BySchema(schema string) (tenantdb.Tenant, bool) {
	if a := p.find(record.AskSchema, schema); a != nil {
		m, ok := found(a)
		return m.Tenant, ok
	}
	for _, a := range p.request.Asks {
		if a.Row != nil && a.Row.Tenant.Schema == schema {
			return a.Row.Tenant, true
		}
	}
	p.miss("the tenant of the schema %q", schema)
	return tenantdb.Tenant{}, false
}

// Primary implements guests.Rows.
func (p *player) Primary(id string) (tenantdb.Match, bool) {
	if a := p.find(record.AskPrimary, id); a != nil {
		return found(a)
	}
	p.miss("the primary domain of the tenant with id %q", id)
	return tenantdb.Match{}, false
}

// Query implements guests.Tape.
func (p *player) Query(schema, name string, args []byte, _ func() ([]byte, error)) ([]byte, error) {
	a := p.find(record.AskQuery, schema, name, string(args))
	switch {
	case a == nil:
		p.miss("the query %q in the schema %q with %.100s", name, schema, args)
		return nil, abi.Unavailable
	case a.Errno != abi.OK:
		return nil, a.Errno
	}
	return []byte(a.Answer), nil
}

// Time implements hostfuncs.Tape. The time of the request stands in for a clock that was
// not recorded.
func (p *player) Time(clock hostfuncs.Clock, _ int64) int64 {
	kind, name := record.AskClock, "clock"
	if clock == hostfuncs.Monotonic {
		kind, name = record.AskMonotonic, "monotonic clock"
	}
	if a := p.next(kind); a != nil {
		if ns, err := strconv.ParseInt(a.Answer, 10, 64); err == nil {
			return ns
		}
	}
	p.miss("another reading of the %s", name)
	return p.request.Time
}

// Random implements hostfuncs.Tape. It leaves b as it is, where that was not recorded.
func (p *player) Random(b []byte) {
	if a := p.next(record.AskRandom); a != nil {
		if drawn, err := base64.StdEncoding.DecodeString(a.Answer); err == nil && len(drawn) == len(b) {
			copy(b, drawn)
			return
		}
	}
	p.miss("%d more random bytes", len(b))
}

// Sleep implements hostfuncs.Tape.
func (p *player) Sleep(d time.Duration, _ func(time.Duration) bool) bool {
	if a := p.find(record.AskSleep, strconv.FormatInt(int64(d), 10)); a != nil {
		return a.Answer == "true"
	}
	p.miss("a sleep of %v", d)
	return true
}
