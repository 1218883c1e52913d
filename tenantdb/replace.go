package tenantdb

import (
	"slices"
	"strings"
	"sync"
	"time"
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
	shadows := l.buildDomains(&next.domains)
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

	tenants []Tenant // the valid ones
	extras  []*extra // by tenant
	byID    map[string]int32

	rows     []Domain // the valid ones, normalised
	stored   []string // by row, the domain before Normalize; nil without Normalize
	tenant   []int32  // by row, an index into tenants
	hashes   []uint64 // by row
	shadowed []bool   // by row, whether an earlier row has its key
}

func (l *loader) addTenants(tenants []Tenant) {
	l.tenants = make([]Tenant, 0, len(tenants))
	l.byID = make(map[string]int32, len(tenants))
	schemas := make(map[string]struct{}, len(tenants))
	for _, t := range tenants {
		if reason := l.dir.tenantProblem(t); reason != "" {
			l.report.leaveOutTenant(t, reason)
			continue
		}
		if _, taken := l.byID[t.ID]; taken {
			l.report.leaveOutTenant(t, reasonSameID)
			continue
		}
		if _, taken := schemas[t.Schema]; taken {
			l.report.leaveOutTenant(t, reasonSameSchema)
			continue
		}
		t.Attributes = l.own.attributes(t.Attributes)
		l.byID[t.ID] = int32(len(l.tenants))
		schemas[t.Schema] = struct{}{}
		l.tenants = append(l.tenants, t)
	}
}

// addDomains keeps the valid rows. Normalising them takes most of the time, so
// all processors share it.
func (l *loader) addDomains(rows []Domain) {
	l.rows = make([]Domain, len(rows))
	l.tenant = make([]int32, len(rows))
	l.hashes = make([]uint64, len(rows))
	reports := map[int]*Report{}
	var mu sync.Mutex
	parallel(len(rows), func(from, to int) {
		var report Report
		for i := from; i < to; i++ {
			row, reason := l.dir.normalise(rows[i])
			tenant, known := l.byID[row.TenantID]
			if reason == "" && !known {
				reason = reasonDangling
			}
			if reason != "" {
				report.leaveOutDomain(rows[i], reason)
				l.tenant[i] = -1
				continue
			}
			l.rows[i], l.tenant[i] = row, tenant
			l.hashes[i] = l.dir.hashDomain(row.Domain, row.Folder)
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
	kept := 0
	stored := l.dir.opts.Normalize != nil
	for i := range rows {
		if l.tenant[i] < 0 {
			continue
		}
		l.rows[kept], l.tenant[kept], l.hashes[kept] = l.rows[i], l.tenant[i], l.hashes[i]
		if stored {
			l.stored = append(l.stored, rows[i].Domain)
		}
		kept++
	}
	l.rows, l.tenant, l.hashes = l.rows[:kept], l.tenant[:kept], l.hashes[:kept]
	l.shadowed = make([]bool, kept)
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

// group returns the rows that are not shadowed by tenant, in load order: those of
// tenant i are rows[starts[i]:starts[i+1]].
func (l *loader) group() (rows []int32, starts []int32) {
	starts = make([]int32, len(l.tenants)+1)
	for i, t := range l.tenant {
		if !l.shadowed[i] {
			starts[t+1]++
		}
	}
	for i := range l.tenants {
		starts[i+1] += starts[i]
	}
	rows = make([]int32, starts[len(l.tenants)])
	next := append([]int32(nil), starts...)
	for i, t := range l.tenant {
		if !l.shadowed[i] {
			rows[next[t]] = int32(i)
			next[t]++
		}
	}
	return rows, starts
}

// buildDomains builds the table of domains, and returns the shadowed rows by
// shadowKey.
func (l *loader) buildDomains(t *table) map[string][]Domain {
	l.extras = make([]*extra, len(l.tenants))
	for i := range l.tenants {
		l.extras[i] = sharedExtra(l.tenants[i])
	}
	var mu sync.Mutex
	var duplicates []int
	*t = buildTable(l.hashes,
		func(i int) record {
			return domainRecord(l.rows[i], l.tenants[l.tenant[i]], l.extras[l.tenant[i]])
		},
		func(i, j int) bool {
			return l.rows[i].Domain == l.rows[j].Domain && l.rows[i].Folder == l.rows[j].Folder
		},
		func(i, first int) {
			mu.Lock()
			defer mu.Unlock()
			l.shadowed[i] = true
			duplicates = append(duplicates, i)
		})
	shadows := make(map[string][]Domain, len(duplicates))
	slices.Sort(duplicates)
	for _, i := range duplicates {
		row := l.rows[i]
		stored := row
		if l.stored != nil {
			stored.Domain = l.stored[i]
		}
		l.report.leaveOutDomain(stored, duplicateReason(stored.Domain, row.Domain))
		row = cloneRow(row)
		key := shadowKey(row)
		shadows[key] = append(shadows[key], row)
	}
	return shadows
}

// buildTenants builds the tables of tenants.
func (l *loader) buildTenants(s *state) {
	rows, starts := l.group()
	records := make([]record, len(l.tenants))
	hashes := make([]uint64, len(l.tenants))
	parallel(len(l.tenants), func(from, to int) {
		var own []Domain
		for i := from; i < to; i++ {
			own = own[:0]
			for _, k := range rows[starts[i]:starts[i+1]] {
				own = append(own, l.rows[k])
			}
			records[i] = newTenantRecord(l.tenants[i], own, l.extras[i])
			hashes[i], _ = l.dir.hashFold(l.tenants[i].ID)
		}
	})
	s.ids = buildTable(hashes, func(i int) record { return records[i] }, nil, nil)
	parallel(len(l.tenants), func(from, to int) {
		for i := from; i < to; i++ {
			hashes[i] = l.dir.hash(l.tenants[i].Schema)
		}
	})
	s.schemas = buildTable(hashes, func(i int) record { return schemaRecord(l.tenants[i], l.extras[i]) }, nil, nil)
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
