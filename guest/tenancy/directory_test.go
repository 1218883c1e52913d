package tenancy_test

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// row is a domain row of a test's directory.
type row struct {
	tenant, domain, folder string
	primary, redirect      bool
}

// tenant is a tenant row.
type tenant struct{ id, schema string }

// rows is a directory of a few rows, which it goes through for each lookup.
type rows struct {
	tenants []tenant
	domains []row
}

func (d *rows) record(id string) (tenancy.Record, bool) {
	for _, t := range d.tenants {
		if t.id == id {
			return tenancy.Record{ID: t.id, Schema: t.schema}, true
		}
	}
	return tenancy.Record{}, false
}

func (d *rows) ByDomain(domain, folder string) (tenancy.Record, bool) {
	for _, wanted := range []string{folder, ""} {
		for i := range d.domains {
			if r := &d.domains[i]; r.domain == domain && r.folder == wanted {
				return d.withRow(r)
			}
		}
	}
	return tenancy.Record{}, false
}

func (d *rows) withRow(r *row) (tenancy.Record, bool) {
	record, ok := d.record(r.tenant)
	record.Domain, record.Folder = r.domain, r.folder
	record.Primary, record.RedirectToPrimary = r.primary, r.redirect
	return record, ok
}

func (d *rows) ByReference(ref string) (tenancy.Record, bool) {
	for _, t := range d.tenants {
		if strings.EqualFold(t.id, ref) || t.schema == ref {
			return d.record(t.id)
		}
	}
	return tenancy.Record{}, false
}

func (d *rows) Primary(id string) (tenancy.Record, bool) {
	var first *row
	several := false
	for i := range d.domains {
		if r := &d.domains[i]; r.tenant == id && r.primary {
			several = first != nil
			if first == nil {
				first = r
			}
		}
	}
	if first == nil {
		return tenancy.Record{}, false
	}
	record, ok := d.withRow(first)
	record.Ambiguous = several
	return record, ok
}
