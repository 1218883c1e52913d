package tenantdb

import (
	"hash/maphash"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Options configures a Directory. The zero value is valid.
type Options struct {
	// Normalize converts the domain of a row to the form in which requests look
	// it up. Rows for which it fails are left out. nil: domains stay as stored.
	Normalize func(domain string) (string, error)
	// CloneReference is the schema that new tenants are cloned from; its tenant
	// is left out. Empty: there is none.
	CloneReference string
	// RefuseTenant returns why a tenant's row must be left out, or the empty
	// string. nil: all valid rows are used. edge.Config.RefuseTenant is one.
	RefuseTenant func(Tenant) (reason string)
	Logger       *slog.Logger // nil: slog.Default
}

// Directory is an index of tenants and domains in memory. Lookups never wait:
// they read an immutable state, which Replace and Apply exchange atomically. Its
// memory depends only on its rows, not on the lookups. All methods are safe for
// concurrent use.
type Directory struct {
	opts  Options
	seed  maphash.Seed
	state atomic.Pointer[state]

	mu       sync.Mutex             // held by writers
	shadows  map[string][]Domain    // rows that are left out because another has their key
	problems []Problem              // rows that are left out, at most MaxProblems
	health   atomic.Pointer[health] // replaced under mu
	upkeep   atomic.Pointer[Upkeep] // replaced under mu
}

// state is one generation of the directory.
type state struct {
	domains    table    // by domain and folder
	folders    *folders // the domains that have rows with folders
	ids        table    // tenants by id, ignoring case
	schemas    table    // tenants by schema name
	generation uint64
	superseded chan struct{} // closed once another state has been stored
}

// health holds what Stats reports about the rows.
type health struct {
	syncedAt time.Time
	degraded string
	leftOut  int
}

// NewDirectory returns an empty directory.
func NewDirectory(o Options) *Directory {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	d := &Directory{opts: o, seed: maphash.MakeSeed(), shadows: map[string][]Domain{}}
	d.state.Store(&state{domains: newTable(1), folders: &folders{}, ids: newTable(1), schemas: newTable(1), superseded: make(chan struct{})})
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

// ByDomain finds the row (domain, folder) or, if there is none, the row
// (domain, "").
func (d *Directory) ByDomain(domain, folder string) (Match, bool) {
	s := d.state.Load()
	hash := d.hash(domain)
	if folder != "" && s.folders.has(hash) {
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
// schema name equals ref. Of several such tenants it returns the one with the
// lowest id, as Django's first() does.
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

// Primary finds the tenant's primary domain row, the first in load order if
// several have IsPrimary. Case matters in tenantID.
func (d *Directory) Primary(tenantID string) (Match, bool) {
	v, found := d.findID(d.state.Load(), tenantID)
	if !found || v.text[1]&flagRow == 0 {
		return Match{}, false
	}
	return v.match(), true
}

// ByID finds the tenant with that id; case matters.
func (d *Directory) ByID(id string) (Tenant, bool) {
	v, found := d.findID(d.state.Load(), id)
	if !found {
		return Tenant{}, false
	}
	return v.tenant(), true
}

// Tenants yields all tenants at the time of the call, in no particular order.
func (d *Directory) Tenants() iter.Seq[Tenant] {
	s := d.state.Load()
	return func(yield func(Tenant) bool) {
		s.ids.each(func(v view) bool { return yield(v.tenant()) })
	}
}

// Domains yields all domain rows at the time of the call, those of a tenant one
// after the other.
func (d *Directory) Domains() iter.Seq[Domain] {
	s := d.state.Load()
	return func(yield func(Domain) bool) {
		s.ids.each(func(v view) bool { return v.rows(yield) })
	}
}

// DomainsOf yields the domain rows of a tenant, a primary one first.
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
