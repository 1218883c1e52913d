package tenancy

import (
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Directory finds dynamic tenants, which are rows of a database. Its methods do no
// I/O. They set all of the Record, or return false. The record's strings must not
// change while a [Decision] made from it is used.
type Directory interface {
	// ByDomain finds the row of (domain, folder), else that of (domain, "").
	ByDomain(domain, folder string, r *Record) bool
	// ByReference finds the tenant whose id equals ref, ignoring case, or whose
	// schema name equals ref. The record has no domain.
	ByReference(ref string, r *Record) bool
	// Primary finds the primary domain row of the tenant with that id.
	Primary(id string, r *Record) bool
}

// Record is a tenant's row, with the domain row by which it was found.
type Record struct {
	ID, Schema     string
	Domain, Folder string
	// Pathname is the column schema_pathname, the tenant's own identifier.
	Pathname    string
	HasPathname bool
	// Primary and RedirectToPrimary are columns of the domain row.
	Primary, RedirectToPrimary bool
	// Ambiguous reports that the tenant has several primary rows.
	Ambiguous bool
	// Row is the host's record, for Attribute. It is empty for a tenant without
	// further columns.
	Row abi.Message
}

// Attribute returns a column of the tenant's row, and whether the row has a value
// for it. The host's configuration lists the columns in directory.attributes. The
// value is valid as long as the record's other strings.
func (r *Record) Attribute(name string) (value string, ok bool) {
	for i := abi.RecAttr0; i+1 < r.Row.Len(); i += 2 {
		if string(r.Row.Get(i)) == name {
			b, ok := r.Row.Field(i + 1)
			return unsafe.String(unsafe.SliceData(b), len(b)), ok
		}
	}
	return "", false
}
