package guest

import "github.com/tenantedge/tenantedge/guest/abi"

// Directory is the host's directory as package tenancy asks for it.
type Directory struct{}

// ByDomain implements tenancy.Directory.
func (Directory) ByDomain(domain, folder string, r *Record) bool {
	return unlessFailed(byDomain(domain, folder, r))
}

// ByReference implements tenancy.Directory.
func (Directory) ByReference(ref string, r *Record) bool {
	return unlessFailed(byReference(ref, r))
}

// Primary implements tenancy.Directory.
func (Directory) Primary(id string, r *Record) bool {
	return unlessFailed(primary(id, r))
}

// unlessFailed makes the request fail if the host could not look: that there
// is no such tenant is not known then.
func unlessFailed(errno abi.Errno) bool {
	if errno != abi.OK && errno != abi.NotFound {
		memory.failed = true
	}
	return errno == abi.OK
}

// TenantByDomain finds the domain row of (domain, folder), else that of
// (domain, ""). The error is abi.NotFound if there is neither.
func TenantByDomain(domain, folder string) (r Record, err error) {
	return r, orNil(byDomain(domain, folder, &r))
}

// TenantByReference finds the tenant whose id is ref, ignoring case, or whose
// schema name is ref. The error is abi.NotFound if there is none.
func TenantByReference(ref string) (r Record, err error) {
	return r, orNil(byReference(ref, &r))
}

// PrimaryDomain finds the primary domain row of the tenant with that id. The
// error is abi.NotFound if it has none.
func PrimaryDomain(id string) (r Record, err error) {
	return r, orNil(primary(id, &r))
}

func orNil(errno abi.Errno) error {
	if errno == abi.OK {
		return nil
	}
	return errno
}

func byDomain(domain, folder string, r *Record) abi.Errno {
	if len(domain) > abi.MaxName {
		return abi.NotFound // no row is as long, and a client may send anything
	}
	if len(folder) > abi.MaxName {
		folder = ""
	}
	out := memory.rest()
	n := tenantByDomain(domain, folder, out)
	if n > int64(len(out)) {
		out = make([]byte, n)
		n = tenantByDomain(domain, folder, out)
	}
	return readRecord(out, n, r)
}

func byReference(ref string, r *Record) abi.Errno {
	if len(ref) > abi.MaxName {
		return abi.NotFound
	}
	out := memory.rest()
	n := tenantByReference(ref, out)
	if n > int64(len(out)) {
		out = make([]byte, n)
		n = tenantByReference(ref, out)
	}
	return readRecord(out, n, r)
}

func primary(id string, r *Record) abi.Errno {
	out := memory.rest()
	n := primaryDomain(id, out)
	if n > int64(len(out)) {
		out = make([]byte, n)
		n = primaryDomain(id, out)
	}
	return readRecord(out, n, r)
}

// readRecord reads the answer of n bytes in out, or of the errno -n.
func readRecord(out []byte, n int64, r *Record) abi.Errno {
	if n < 0 {
		return abi.Errno(-n)
	}
	m := &memory.record
	if n > int64(len(out)) || !m.parse(out[:n]) {
		return abi.Internal
	}
	if rest := memory.rest(); len(rest) == len(out) && &rest[0] == &out[0] {
		memory.keep(int(n))
	}
	r.ID, r.Schema = m.at[abi.RecID], m.at[abi.RecSchema]
	r.Domain, r.Folder = m.at[abi.RecDomain], m.at[abi.RecFolder]
	r.Primary = m.word&abi.RecPrimary != 0
	r.RedirectToPrimary = m.word&abi.RecRedirectToPrimary != 0
	r.Ambiguous = m.word&abi.RecAmbiguous != 0
	r.Row, r.Pathname, r.HasPathname = abi.Message{}, "", false
	if m.n > abi.RecAttr0 {
		r.Row, _ = abi.Parse(out[:n]) // is well-formed, or m had not parsed it
		r.Pathname, r.HasPathname = r.Attribute(pathnameAttribute)
	}
	return abi.OK
}

// pathnameAttribute is the column that holds a tenant's own identifier.
const pathnameAttribute = "schema_pathname"
