package guest

import "github.com/tenantedge/tenantedge/guest/abi"

// Directory is the host's directory as a tenancy.Directory.
type Directory struct{}

// ByDomain implements tenancy.Directory.
func (Directory) ByDomain(domain, folder string, r *Record) bool {
	return foundOrFail(byDomain(domain, folder, r))
}

// ByReference implements tenancy.Directory.
func (Directory) ByReference(ref string, r *Record) bool {
	return foundOrFail(byReference(ref, r))
}

// Primary implements tenancy.Directory.
func (Directory) Primary(id string, r *Record) bool {
	return foundOrFail(primary(id, r))
}

// foundOrFail reports whether a lookup found a row. If the lookup failed, so that
// this is unknown, it makes the request fail.
func foundOrFail(errno abi.Errno) bool {
	if errno != abi.OK && errno != abi.NotFound {
		memory.failed = true
	}
	return errno == abi.OK
}

// TenantByDomain returns the domain row of (domain, folder), else that of
// (domain, ""). The error is abi.NotFound if there is neither, or another
// abi.Errno.
func TenantByDomain(domain, folder string) (r Record, err error) {
	return r, errorOf(byDomain(domain, folder, &r))
}

// TenantByReference returns the tenant whose id equals ref, ignoring case, or
// whose schema name equals ref. The error is abi.NotFound if there is none, or
// another abi.Errno.
func TenantByReference(ref string) (r Record, err error) {
	return r, errorOf(byReference(ref, &r))
}

// PrimaryDomain returns the primary domain row of the tenant with that id. The
// error is abi.NotFound if it has none, or another abi.Errno.
func PrimaryDomain(id string) (r Record, err error) {
	return r, errorOf(primary(id, &r))
}

func errorOf(errno abi.Errno) error {
	if errno == abi.OK {
		return nil
	}
	return errno
}

func byDomain(domain, folder string, r *Record) abi.Errno {
	if len(domain) > abi.MaxName {
		return abi.NotFound // no row has a longer domain
	}
	if len(folder) > abi.MaxName {
		folder = ""
	}
	out := memory.free()
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
	out := memory.free()
	n := tenantByReference(ref, out)
	if n > int64(len(out)) {
		out = make([]byte, n)
		n = tenantByReference(ref, out)
	}
	return readRecord(out, n, r)
}

func primary(id string, r *Record) abi.Errno {
	out := memory.free()
	n := primaryDomain(id, out)
	if n > int64(len(out)) {
		out = make([]byte, n)
		n = primaryDomain(id, out)
	}
	return readRecord(out, n, r)
}

// readRecord reads the answer of a lookup: n bytes in out, or the errno -n.
func readRecord(out []byte, n int64, r *Record) abi.Errno {
	if n < 0 {
		return abi.Errno(-n)
	}
	m := &memory.record
	if n > int64(len(out)) || !m.parse(out[:n]) {
		return abi.Internal
	}
	if free := memory.free(); len(free) == len(out) && &free[0] == &out[0] {
		memory.use(int(n))
	}
	r.ID, r.Schema = m.at[abi.RecID], m.at[abi.RecSchema]
	r.Domain, r.Folder = m.at[abi.RecDomain], m.at[abi.RecFolder]
	r.Primary = m.word&abi.RecPrimary != 0
	r.RedirectToPrimary = m.word&abi.RecRedirectToPrimary != 0
	r.Ambiguous = m.word&abi.RecAmbiguous != 0
	r.Row, r.Pathname, r.HasPathname = abi.Message{}, "", false
	if m.n > abi.RecAttr0 {
		r.Row, _ = abi.Parse(out[:n]) // m.parse has checked it
		r.Pathname, r.HasPathname = r.Attribute(pathnameAttribute)
	}
	return abi.OK
}

// pathnameAttribute is the column with the tenant's own identifier.
const pathnameAttribute = "schema_pathname"
