package tenancy_test

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// row is a domain row.
type row struct {
	tenant, domain, folder string
	primary, redirect      bool
}

// tenant is a tenant row.
type tenant struct{ id, schema string }

// rows is a directory that searches its rows one by one.
type rows struct {
	tenants []tenant
	domains []row
}

func (d *rows) record(id string, r *tenancy.Record) bool {
	for _, t := range d.tenants {
		if t.id == id {
			*r = tenancy.Record{ID: t.id, Schema: t.schema}
			return true
		}
	}
	return false
}

func (d *rows) ByDomain(domain, folder string, r *tenancy.Record) bool {
	for _, folder := range []string{folder, ""} {
		for i := range d.domains {
			if row := &d.domains[i]; row.domain == domain && row.folder == folder {
				return d.withRow(row, r)
			}
		}
	}
	return false
}

func (d *rows) withRow(row *row, r *tenancy.Record) bool {
	ok := d.record(row.tenant, r)
	r.Domain, r.Folder = row.domain, row.folder
	r.Primary, r.RedirectToPrimary = row.primary, row.redirect
	return ok
}

func (d *rows) ByReference(ref string, r *tenancy.Record) bool {
	for _, t := range d.tenants {
		if strings.EqualFold(t.id, ref) || t.schema == ref {
			return d.record(t.id, r)
		}
	}
	return false
}

func (d *rows) Primary(id string, r *tenancy.Record) bool {
	var first *row
	several := false
	for i := range d.domains {
		if row := &d.domains[i]; row.tenant == id && row.primary {
			several = first != nil
			if first == nil {
				first = row
			}
		}
	}
	if first == nil || !d.withRow(first, r) {
		return false
	}
	r.Ambiguous = several
	return true
}
