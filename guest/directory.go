package guest

import (
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Directory is the host's directory as package tenancy asks for it.
type Directory struct{}

// ByDomain implements tenancy.Directory.
func (Directory) ByDomain(domain, folder string) (Record, bool) {
	return unlessFailed(TenantByDomain(domain, folder))
}

// ByReference implements tenancy.Directory.
func (Directory) ByReference(ref string) (Record, bool) {
	return unlessFailed(TenantByReference(ref))
}

// Primary implements tenancy.Directory.
func (Directory) Primary(id string) (Record, bool) {
	return unlessFailed(PrimaryDomain(id))
}

// unlessFailed makes the request fail if the host could not look: that there
// is no such tenant is not known then.
func unlessFailed(r Record, err error) (Record, bool) {
	if err != nil && err != abi.NotFound {
		memory.failed = true
	}
	return r, err == nil
}

// TenantByDomain finds the domain row of (domain, folder), else that of
// (domain, ""). The error is abi.NotFound if there is neither.
func TenantByDomain(domain, folder string) (Record, error) {
	out := memory.rest()
	n := tenantByDomain(domain, folder, out)
	if again := larger(n, out); again != nil {
		out = again
		n = tenantByDomain(domain, folder, out)
	}
	return record(out, n)
}

// TenantByReference finds the tenant whose id is ref, ignoring case, or whose
// schema name is ref. The error is abi.NotFound if there is none.
func TenantByReference(ref string) (Record, error) {
	out := memory.rest()
	n := tenantByReference(ref, out)
	if again := larger(n, out); again != nil {
		out = again
		n = tenantByReference(ref, out)
	}
	return record(out, n)
}

// PrimaryDomain finds the primary domain row of the tenant with that id. The
// error is abi.NotFound if it has none.
func PrimaryDomain(id string) (Record, error) {
	out := memory.rest()
	n := primaryDomain(id, out)
	if again := larger(n, out); again != nil {
		out = again
		n = primaryDomain(id, out)
	}
	return record(out, n)
}

// larger makes room for an answer that did not fit.
func larger(n int64, out []byte) []byte {
	if n <= int64(len(out)) {
		return nil
	}
	return make([]byte, n)
}

// record reads the answer of n bytes in out, or of the errno -n.
func record(out []byte, n int64) (Record, error) {
	if n < 0 {
		return Record{}, abi.Errno(-n)
	}
	if n > int64(len(out)) {
		return Record{}, abi.Internal
	}
	m, err := abi.Parse(out[:n])
	if err != nil {
		return Record{}, abi.Internal
	}
	if rest := memory.rest(); len(rest) > 0 && len(out) > 0 && &rest[0] == &out[0] {
		memory.keep(int(n))
	}
	r := Record{
		ID: text(m.Get(abi.RecID)), Schema: text(m.Get(abi.RecSchema)),
		Domain: text(m.Get(abi.RecDomain)), Folder: text(m.Get(abi.RecFolder)),
		Primary:           m.Word()&abi.RecPrimary != 0,
		RedirectToPrimary: m.Word()&abi.RecRedirectToPrimary != 0,
		Ambiguous:         m.Word()&abi.RecAmbiguous != 0,
	}
	for i := abi.RecAttr0; i+1 < m.Len(); i += 2 {
		if string(m.Get(i)) != pathnameAttribute {
			continue
		}
		if own, ok := m.Field(i + 1); ok {
			r.Pathname, r.HasPathname = text(own), true
		}
	}
	return r, nil
}

// pathnameAttribute is the column that holds a tenant's own identifier.
const pathnameAttribute = "schema_pathname"

var _ tenancy.Directory = Directory{}
