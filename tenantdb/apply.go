package tenantdb

import (
	"slices"
	"strings"
	"time"
)

// Apply changes some tenants atomically. Its cost depends on the rows of those
// tenants, not on the size of the directory.
func (d *Directory) Apply(changes []Change) Report {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.state.Load()
	p := patch{dir: d, old: old, own: owner{}, tenants: map[string]*patched{}}
	for _, c := range changes {
		p.clear(c.Tenant.ID)
	}
	for _, c := range changes {
		if !c.Removed {
			p.set(c)
		}
	}
	p.promote()
	next := p.build()
	p.report.Tenants, p.report.Domains = next.ids.count, next.domains.count
	d.problems = slices.DeleteFunc(slices.Clone(d.problems), func(before Problem) bool { return p.tenants[before.TenantID] != nil })
	d.problems = append(d.problems, p.report.Problems...)
	d.problems = d.problems[:min(len(d.problems), MaxProblems)]
	d.publish(next)
	d.health.Store(&health{syncedAt: time.Now(), leftOut: d.health.Load().leftOut})
	return p.report
}

// patch collects what changes between two generations.
type patch struct {
	dir    *Directory
	old    *state
	own    owner
	report Report

	tenants map[string]*patched
	freed   []Domain             // rows that were removed, in order
	domains map[domainKey]string // ids of the tenants that have the changed rows; "" for none
	schemas map[string]string    // ids of the tenants that have the changed schemas; "" for none
}

// patched is a tenant in the next state.
type patched struct {
	tenant  Tenant
	rows    []Domain
	removed bool
}

type domainKey struct{ domain, folder string }

// clear removes a tenant and its rows.
func (p *patch) clear(id string) {
	if p.tenants[id] != nil {
		return
	}
	p.tenants[id] = &patched{removed: true, tenant: Tenant{ID: id}}
	if p.domains == nil {
		p.domains, p.schemas = map[domainKey]string{}, map[string]string{}
	}
	for key, rows := range p.dir.shadows {
		rows = slices.DeleteFunc(rows, func(row Domain) bool { return row.TenantID == id })
		if len(rows) == 0 {
			delete(p.dir.shadows, key)
		} else {
			p.dir.shadows[key] = rows
		}
	}
	v, found := p.dir.findID(p.old, id)
	if !found {
		return
	}
	p.schemas[v.schema()] = ""
	v.rows(func(row Domain) bool {
		p.domains[domainKey{row.Domain, row.Folder}] = ""
		p.freed = append(p.freed, row)
		return true
	})
}

// set adds the tenant and the rows of a change.
func (p *patch) set(c Change) {
	t := p.tenants[c.Tenant.ID]
	reason := p.dir.tenantProblem(c.Tenant)
	switch {
	case reason != "":
	case !t.removed:
		reason = reasonSameID
	case p.schemaTaken(c.Tenant.Schema):
		reason = reasonSameSchema
	}
	if reason != "" {
		p.report.leaveOutTenant(c.Tenant, reason)
		for _, row := range c.Domains {
			p.report.leaveOutDomain(row, reasonDangling)
		}
		return
	}
	t.removed = false
	t.tenant = Tenant{c.Tenant.ID, c.Tenant.Schema, p.own.attributes(c.Tenant.Attributes)}
	p.schemas[t.tenant.Schema] = t.tenant.ID
	for _, stored := range c.Domains {
		row, reason := p.dir.normalise(stored)
		if reason == "" && row.TenantID != t.tenant.ID {
			reason = reasonDangling
		}
		if reason != "" {
			p.report.leaveOutDomain(stored, reason)
			continue
		}
		if p.holder(domainKey{row.Domain, row.Folder}) != "" {
			p.report.leaveOutDomain(stored, duplicateReason(stored.Domain, row.Domain))
			row = cloneRow(row)
			key := shadowKey(row)
			p.dir.shadows[key] = append(p.dir.shadows[key], row)
			continue
		}
		p.addRow(t, row)
	}
}

func (p *patch) addRow(t *patched, row Domain) {
	p.domains[domainKey{row.Domain, row.Folder}] = t.tenant.ID
	t.rows = append(t.rows, row)
}

func (p *patch) schemaTaken(schema string) bool {
	if id, changed := p.schemas[schema]; changed {
		return id != ""
	}
	_, found := p.old.schemas.findSchema(p.dir.hash(schema), schema)
	return found
}

// holder returns the id of the tenant that has the row, "" if there is none.
func (p *patch) holder(k domainKey) string {
	if id, changed := p.domains[k]; changed {
		return id
	}
	v, found := p.old.domains.findDomain(p.dir.hashDomain(k.domain, k.folder), k.domain, k.folder)
	if !found {
		return ""
	}
	return v.id()
}

// promote gives the key of each removed row to the next row with that key.
func (p *patch) promote() {
	if len(p.dir.shadows) == 0 {
		return
	}
	for _, row := range p.freed {
		key := shadowKey(row)
		waiting := p.dir.shadows[key]
		if len(waiting) == 0 || p.holder(domainKey{row.Domain, row.Folder}) != "" {
			continue
		}
		next := waiting[0]
		if len(waiting) == 1 {
			delete(p.dir.shadows, key)
		} else {
			p.dir.shadows[key] = waiting[1:]
		}
		t := p.tenants[next.TenantID]
		if t == nil {
			t = &patched{}
			t.tenant, t.rows, _ = p.before(next.TenantID)
			p.tenants[next.TenantID] = t
		}
		p.addRow(t, next)
	}
}

// build returns the next state: the old one with the records of the patched
// tenants exchanged.
func (p *patch) build() *state {
	var e stateEdits
	for id, t := range p.tenants {
		p.edit(&e, id, t)
	}
	next := &state{
		domains: p.old.domains.edit(e.domains,
			func(v view) uint64 { return p.dir.hashDomain(v.domain(), v.folder()) },
			func(v view, r record) bool { return v.domain() == r.domain && v.folder() == r.folder }),
		ids: p.old.ids.edit(e.ids,
			func(v view) uint64 { h, _ := p.dir.hashFold(v.id()); return h },
			func(v view, r record) bool { return v.id() == r.id }),
		schemas: p.old.schemas.edit(e.schemas,
			func(v view) uint64 { return p.dir.hash(v.schema()) },
			func(v view, r record) bool { return v.schema() == r.schema }),
	}
	next.folders = p.folders(&next.domains)
	return next
}

// folders returns the old folders with those of the patched tenants added, or new
// ones if they have no room.
func (p *patch) folders(domains *table) *folders {
	f := p.old.folders
	for _, t := range p.tenants {
		for _, row := range t.rows {
			if row.Folder != "" && !f.add(p.dir.hash(row.Domain)) {
				return p.dir.foldersOf(domains)
			}
		}
	}
	return f
}

// stateEdits are the edits of each table of a state.
type stateEdits struct{ domains, ids, schemas edits }

// edit adds the edits of one tenant to e.
func (p *patch) edit(e *stateEdits, id string, t *patched) {
	hash, _ := p.dir.hashFold(id)
	before, rows, shared := p.before(id)
	if before.ID != "" {
		e.ids.remove(hash, record{id: id})
	}
	same := !t.removed && before.Schema == t.tenant.Schema && slices.Equal(before.Attributes, t.tenant.Attributes)
	if !same {
		if before.ID != "" {
			e.schemas.remove(p.dir.hash(before.Schema), record{schema: before.Schema})
		}
		shared = sharedExtra(t.tenant.Attributes)
		if !t.removed {
			e.schemas.add(p.dir.hash(t.tenant.Schema), schemaRecord(t.tenant, shared))
		}
	}
	if !t.removed {
		e.ids.add(hash, newTenantRecord(t.tenant, t.rows, shared))
	}
	added := make(map[domainKey]Domain, len(rows))
	for _, row := range t.rows {
		added[domainKey{row.Domain, row.Folder}] = row
	}
	for _, row := range rows {
		k := domainKey{row.Domain, row.Folder}
		if same && added[k] == row {
			delete(added, k) // an unchanged row needs no edit, so its shard is shared
			continue
		}
		e.domains.remove(p.dir.hashDomain(row.Domain, row.Folder), record{domain: row.Domain, folder: row.Folder})
	}
	for _, row := range added {
		e.domains.add(p.dir.hashDomain(row.Domain, row.Folder), domainRecord(row, t.tenant, shared))
	}
}

// before returns a tenant of the old state, with an empty ID if it has none.
func (p *patch) before(id string) (t Tenant, rows []Domain, shared *extra) {
	v, found := p.dir.findID(p.old, id)
	if !found {
		return Tenant{}, nil, nil
	}
	v.rows(func(row Domain) bool {
		rows = append(rows, row)
		return true
	})
	if s, found := p.old.schemas.findSchema(p.dir.hash(v.schema()), v.schema()); found {
		shared = s.extra()
	}
	return v.tenant(), rows, shared
}

// shadowKey is unambiguous for hosts of requests, which contain no NUL. For other
// rows a collision changes only the reason why they are left out.
func shadowKey(row Domain) string { return row.Domain + "\x00" + row.Folder }

func cloneRow(row Domain) Domain {
	row.TenantID, row.Domain, row.Folder = strings.Clone(row.TenantID), strings.Clone(row.Domain), strings.Clone(row.Folder)
	return row
}
