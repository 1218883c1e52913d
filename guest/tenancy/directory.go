package tenancy

import (
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Directory finds the tenants that are rows of a database. Its methods do no
// I/O; they fill in all of a Record, or answer false. Strings of a Record must
// stay as they are while the [Decision] that rests on it is used.
type Directory interface {
	// ByDomain finds the row of (domain, folder), else that of (domain, "").
	ByDomain(domain, folder string, r *Record) bool
	// ByReference finds the tenant whose id is ref, ignoring case, or whose
	// schema name is ref. The record has no domain.
	ByReference(ref string, r *Record) bool
	// Primary finds the primary domain row of the tenant with that id.
	Primary(id string, r *Record) bool
}

// Record is a tenant's row, with the domain row through which it was found.
type Record struct {
	ID, Schema     string
	Domain, Folder string
	// Pathname is the tenant's own identifier, its column schema_pathname.
	Pathname    string
	HasPathname bool
	// Primary and RedirectToPrimary are columns of the domain row.
	Primary, RedirectToPrimary bool
	// Ambiguous says that several rows claim to be the tenant's primary one.
	Ambiguous bool
	// Row is the host's record, which Attribute reads; empty: the tenant has no
	// further columns.
	Row abi.Message
}

// Attribute returns a column of the tenant's row, and whether the row has a
// value there. The columns are those that directory.attributes names in the
// host's configuration. The value holds as long as the record's other strings.
func (r *Record) Attribute(name string) (value string, ok bool) {
	for i := abi.RecAttr0; i+1 < r.Row.Len(); i += 2 {
		if string(r.Row.Get(i)) == name {
			b, ok := r.Row.Field(i + 1)
			return unsafe.String(unsafe.SliceData(b), len(b)), ok
		}
	}
	return "", false
}
