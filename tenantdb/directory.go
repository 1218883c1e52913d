package tenantdb

import (
	"hash/maphash"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Options is what a Directory is made of. The zero value is valid.
type Options struct {
	// Normalize gives a domain row's host name the form in which requests
	// look it up; rows that it refuses are left out. nil: as stored.
	Normalize func(domain string) (string, error)
	// CloneReference is the schema that new tenants are cloned from. It is
	// never routed to. Empty: there is none.
	CloneReference string
	// Refuse returns why a tenant's row is left out, or the empty string; nil:
	// rows that are valid are kept. edge.Config.RefuseTenant is one.
	Refuse func(Tenant) (reason string)
	Logger *slog.Logger // nil: slog.Default
}

// Directory is the index of tenants and domains in memory. Lookups never wait:
// they read an immutable state that Replace and Apply exchange as a whole. The
// memory that it takes depends on its rows alone, never on what is asked for.
// All methods may be called at any time from any goroutine.
type Directory struct {
	opts  Options
	seed  maphash.Seed
	state atomic.Pointer[state]

	mu      sync.Mutex             // held by writers
	shadows map[string][]Domain    // rows that lost against another with the same key
	left    []Problem              // rows that were left out
	health  atomic.Pointer[health] // replaced under mu
	upkeep  atomic.Pointer[Upkeep] // replaced under mu
}

// state is one generation of the directory.
type state struct {
	domains    table // by domain and folder
	ids        table // tenants by id, ignoring case
	schemas    table // tenants by schema name
	generation uint64
	superseded chan struct{} // closed once another state has been stored
}

// health is what is known of the directory's source.
type health struct {
	syncedAt time.Time
	degraded string
	refused  int
}

// NewDirectory returns an empty directory.
func NewDirectory(o Options) *Directory {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	d := &Directory{opts: o, seed: maphash.MakeSeed(), shadows: map[string][]Domain{}}
	d.state.Store(&state{domains: newTable(1), ids: newTable(1), schemas: newTable(1), superseded: make(chan struct{})})
	d.health.Store(&health{})
	d.upkeep.Store(&Upkeep{})
	return d
}

// Logger returns the logger of the Options.
func (d *Directory) Logger() *slog.Logger { return d.opts.Logger }

// CloneReference returns the clone reference of the Options.
func (d *Directory) CloneReference() string { return d.opts.CloneReference }

// publish makes next the state that lookups read. The caller holds mu.
func (d *Directory) publish(next *state) {
	old := d.state.Load()
	next.generation, next.superseded = old.generation+1, make(chan struct{})
	d.state.Store(next)
	close(old.superseded)
}

// Changed returns a channel that is closed at the next Replace or Apply. Get it
// before reading, so that no change is missed:
//
//	for changed := dir.Changed(); ; changed = dir.Changed() {
//		read(dir)
//		<-changed
//	}
func (d *Directory) Changed() <-chan struct{} { return d.state.Load().superseded }

// ByDomain finds the row (domain, folder), else the row (domain, "").
func (d *Directory) ByDomain(domain, folder string) (Match, bool) {
	s := d.state.Load()
	hash := d.hash(domain)
	if folder != "" {
		if v, found := s.domains.findDomain(d.hashFolder(hash, folder), domain, folder); found {
			return v.match(), true
		}
	}
	v, found := s.domains.findDomain(hash, domain, "")
	if !found {
		return Match{}, false
	}
	return v.match(), true
}

// ByReference finds the tenant whose id equals ref ignoring case, or whose
// schema name equals ref. If both are found and differ, the one with the lower
// primary key is the answer, as with Django's first().
func (d *Directory) ByReference(ref string) (Tenant, bool) {
	s := d.state.Load()
	best, found := s.schemas.findSchema(d.hash(ref), ref)
	hash, valid := d.hashFold(ref)
	if valid {
		text, shard := s.ids.bucket(hash)
		for more(text) {
			v := view{text, shard}
			if text[0] == byte(hash) && foldEqual(v.id(), ref) && (!found || lowerKey(v.id(), best.id())) {
				best, found = v, true
			}
			text = text[v.size():]
		}
	}
	if !found {
		return Tenant{}, false
	}
	return best.tenant(), true
}

// BySchema finds the tenant of a schema; case matters.
func (d *Directory) BySchema(schema string) (Tenant, bool) {
	v, found := d.state.Load().schemas.findSchema(d.hash(schema), schema)
	if !found {
		return Tenant{}, false
	}
	return v.tenant(), true
}

// Primary finds the tenant's primary domain row: the first in load order if
// several rows say they are. Case matters in tenantID.
func (d *Directory) Primary(tenantID string) (Match, bool) {
	v, found := d.findID(d.state.Load(), tenantID)
	if !found || v.text[1]&flagRow == 0 {
		return Match{}, false
	}
	return v.match(), true
}

// ByID finds the tenant with exactly that id.
func (d *Directory) ByID(id string) (Tenant, bool) {
	v, found := d.findID(d.state.Load(), id)
	if !found {
		return Tenant{}, false
	}
	return v.tenant(), true
}

// Tenants yields all tenants of this moment, in no particular order.
func (d *Directory) Tenants() iter.Seq[Tenant] {
	s := d.state.Load()
	return func(yield func(Tenant) bool) {
		s.ids.each(func(v view) bool { return yield(v.tenant()) })
	}
}

// Domains yields all domain rows of this moment, those of one tenant together.
func (d *Directory) Domains() iter.Seq[Domain] {
	s := d.state.Load()
	return func(yield func(Domain) bool) {
		s.ids.each(func(v view) bool { return v.rows(yield) })
	}
}

// DomainsOf yields the domain rows of one tenant, a primary one first.
func (d *Directory) DomainsOf(tenantID string) iter.Seq[Domain] {
	s := d.state.Load()
	return func(yield func(Domain) bool) {
		if v, found := d.findID(s, tenantID); found {
			v.rows(yield)
		}
	}
}

func (t *table) findDomain(hash uint64, domain, folder string) (view, bool) {
	text, shard := t.bucket(hash)
	for more(text) {
		v := view{text, shard}
		if text[0] == byte(hash) && v.domain() == domain && v.folder() == folder {
			return v, true
		}
		text = text[v.size():]
	}
	return view{}, false
}

func (t *table) findSchema(hash uint64, schema string) (view, bool) {
	text, shard := t.bucket(hash)
	for more(text) {
		v := view{text, shard}
		if text[0] == byte(hash) && v.schema() == schema {
			return v, true
		}
		text = text[v.size():]
	}
	return view{}, false
}

func (d *Directory) findID(s *state, id string) (view, bool) {
	hash, valid := d.hashFold(id)
	if !valid {
		return view{}, false
	}
	text, shard := s.ids.bucket(hash)
	for more(text) {
		v := view{text, shard}
		if text[0] == byte(hash) && v.id() == id {
			return v, true
		}
		text = text[v.size():]
	}
	return view{}, false
}
