package tenantdb

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb/internal/arena"
)

// Replace replaces the content of the directory by s. Invalid rows are left out
// and listed in the report.
func (d *Directory) Replace(s State) Report {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := loader{dir: d, own: owner{}}
	l.addTenants(s.Tenants)
	l.addDomains(s.Domains)
	next := &state{}
	shadows := l.buildDomains(&next.domains, s.Domains)
	next.folders = d.foldersOf(&next.domains)
	l.buildTenants(next)
	l.report.Tenants, l.report.Domains = next.ids.count, next.domains.count
	at := s.SyncedAt
	if at.IsZero() {
		at = time.Now()
	}
	d.shadows, d.problems = shadows, l.report.Problems
	d.publish(next)
	d.health.Store(&health{syncedAt: at, leftOut: l.report.LeftOut})
	return l.report
}

// loader builds tables from a State.
type loader struct {
	dir    *Directory
	own    owner
	report Report

	tenants []Tenant // the valid ones; their attributes are in extras
	extras  []*extra // by tenant
	ids     index    // of tenants
	domains []entry  // by row
	tenant  []int32  // by row, an index into tenants; -1: the row is left out
}

func (l *loader) addTenants(tenants []Tenant) {
	l.extras = make([]*extra, 0, len(tenants))
	l.ids = newIndex(len(tenants))
	schemas := newIndex(len(tenants))
	for i, t := range tenants {
		if reason := l.dir.tenantProblem(t); reason != "" {
			l.report.leaveOutTenant(t, reason)
			continue
		}
		id := l.dir.hash(t.ID)
		idSlot, taken := l.ids.find(id, func(i int32) bool { return l.tenants[i].ID == t.ID })
		if taken {
			l.report.leaveOutTenant(t, reasonSameID)
			continue
		}
		schema := l.dir.hash(t.Schema)
		schemaSlot, taken := schemas.find(schema, func(i int32) bool { return l.tenants[i].Schema == t.Schema })
		if taken {
			l.report.leaveOutTenant(t, reasonSameSchema)
			continue
		}
		*idSlot, *schemaSlot = slotOf(id, len(l.tenants)), slotOf(schema, len(l.tenants))
		if len(l.tenants) == i {
			l.tenants = tenants[: i+1 : i+1] // none is left out so far, so no copy is needed
		} else {
			l.tenants = append(l.tenants, t)
		}
		l.extras = append(l.extras, sharedExtra(l.own.attributes(t.Attributes)))
	}
}

// tenantOf returns the index of the tenant with that id, or -1. Sources mostly list
// rows in the order of their tenants, so it first tries the last row's tenant and
// the next one.
func (l *loader) tenantOf(id string, last int32) int32 {
	for i := max(last, 0); i < last+2 && int(i) < len(l.tenants); i++ {
		if l.tenants[i].ID == id {
			return i
		}
	}
	slot, found := l.ids.find(l.dir.hash(id), func(i int32) bool { return l.tenants[i].ID == id })
	if !found {
		return -1
	}
	return slot.position()
}

// addDomains encodes the valid rows in load order, on all processors, so that the
// table, whose order is random, reads each record from one place in memory.
func (l *loader) addDomains(rows []Domain) {
	l.domains = make([]entry, len(rows))
	l.tenant = make([]int32, len(rows))
	reports := map[int]*Report{}
	var mu sync.Mutex
	parallel(len(rows), func(from, to int) {
		var report Report
		var records encoder
		last := int32(-1)
		for i := from; i < to; i++ {
			row, reason := l.dir.normalise(rows[i])
			tenant := l.tenantOf(row.TenantID, last)
			if reason == "" && tenant < 0 {
				reason = reasonDangling
			}
			if reason != "" {
				report.leaveOutDomain(rows[i], reason)
				l.tenant[i] = -1
				continue
			}
			l.tenant[i], last = tenant, tenant
			l.domains[i] = records.entry(l.dir.hashDomain(row.Domain, row.Folder), domainRecord(row, l.tenants[tenant], l.extras[tenant]))
		}
		mu.Lock()
		defer mu.Unlock()
		reports[from] = &report
	})
	for i := range rows {
		if r := reports[i]; r != nil {
			l.report.merge(*r)
		}
	}
}

// normalise returns the row as lookups find it, or why it must be left out.
func (d *Directory) normalise(row Domain) (Domain, string) {
	if d.opts.Normalize != nil {
		domain, err := d.opts.Normalize(row.Domain)
		if err != nil {
			return row, "cannot normalise the domain: " + err.Error()
		}
		row.Domain = domain
	}
	return row, domainProblem(row)
}

// group returns the rows that are in the table by tenant, in load order: those of
// tenant i are rows[starts[i]:starts[i+1]].
func (l *loader) group() (rows []int32, starts []int32) {
	starts = make([]int32, len(l.tenants)+1)
	for _, t := range l.tenant {
		if t >= 0 {
			starts[t+1]++
		}
	}
	for i := range l.tenants {
		starts[i+1] += starts[i]
	}
	rows = make([]int32, starts[len(l.tenants)])
	next := slices.Clone(starts)
	for i, t := range l.tenant {
		if t >= 0 {
			rows[next[t]] = int32(i)
			next[t]++
		}
	}
	return rows, starts
}

// buildDomains builds the table of domains, and returns the shadowed rows by
// shadowKey. stored are the rows before they were normalised.
func (l *loader) buildDomains(t *table, stored []Domain) map[string][]Domain {
	var mu sync.Mutex
	var duplicates []int32
	*t = buildTable(l.domains,
		func(a, b view) bool { return a.domain() == b.domain() && a.folder() == b.folder() },
		func(i int32) {
			mu.Lock()
			defer mu.Unlock()
			duplicates = append(duplicates, i)
		})
	shadows := make(map[string][]Domain, len(duplicates))
	slices.Sort(duplicates)
	for _, i := range duplicates {
		l.tenant[i] = -1
		row := cloneRow(view{text: l.domains[i].text}.row())
		l.report.leaveOutDomain(stored[i], duplicateReason(stored[i].Domain, row.Domain))
		key := shadowKey(row)
		shadows[key] = append(shadows[key], row)
	}
	return shadows
}

// buildTenants builds the tables of tenants.
func (l *loader) buildTenants(s *state) {
	rows, starts := l.group()
	entries := make([]entry, len(l.tenants))
	parallel(len(l.tenants), func(from, to int) {
		var records encoder
		var own []Domain
		for i := from; i < to; i++ {
			own = own[:0]
			for _, k := range rows[starts[i]:starts[i+1]] {
				own = append(own, view{text: l.domains[k].text}.row())
			}
			hash, _ := l.dir.hashFold(l.tenants[i].ID)
			entries[i] = records.entry(hash, newTenantRecord(l.tenants[i], own, l.extras[i]))
		}
	})
	s.ids = buildTable(entries, nil, nil)
	parallel(len(l.tenants), func(from, to int) {
		var records encoder
		for i := from; i < to; i++ {
			t := l.tenants[i]
			entries[i] = records.entry(l.dir.hash(t.Schema), schemaRecord(t, l.extras[i]))
		}
	})
	s.schemas = buildTable(entries, nil, nil)
}

// encoder encodes records into few allocations.
type encoder struct {
	texts   arena.Arena
	scratch []byte
}

func (e *encoder) entry(hash uint64, r record) entry {
	e.scratch = r.append(e.scratch[:0], hash)
	return entry{hash, e.texts.Copy(e.scratch), r.extra}
}

// owner copies attributes, so that the directory does not keep a source's text
// alive. It interns their names.
type owner map[string]string

func (o owner) attributes(from []Attribute) []Attribute {
	if len(from) == 0 {
		return nil
	}
	size := 0
	for _, a := range from {
		size += len(a.Value)
	}
	var text strings.Builder
	text.Grow(size)
	for _, a := range from {
		text.WriteString(a.Value)
	}
	values := text.String()
	to := make([]Attribute, len(from))
	for i, a := range from {
		name, known := o[a.Name]
		if !known {
			name = strings.Clone(a.Name)
			o[name] = name
		}
		to[i] = Attribute{name, values[:len(a.Value)]}
		values = values[len(a.Value):]
	}
	slices.SortStableFunc(to, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
	return to
}
