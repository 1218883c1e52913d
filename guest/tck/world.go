package tck

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// World answers the host functions of a guest. The methods that look up write a
// record to out and return its size, or return a negative abi.Errno, as package
// abi describes.
type World struct {
	Tenants []Tenant `json:"tenants"`
	Domains []Domain `json:"domains"`
}

// Tenant is a row of the tenant table.
type Tenant struct {
	ID         string            `json:"id"`
	Schema     string            `json:"schema"`
	Attributes map[string]string `json:"attributes"`
}

// Domain is a domain row.
type Domain struct {
	Tenant            string `json:"tenant"`
	Domain            string `json:"domain"`
	Folder            string `json:"folder"`
	IsPrimary         bool   `json:"is_primary"`
	RedirectToPrimary bool   `json:"redirect_to_primary"`
}

const notFound = -int64(abi.NotFound)

// TenantByDomain implements abi.ImportTenantByDomain.
func (w *World) TenantByDomain(domain, folder string, out []byte) int64 {
	for _, folder := range [...]string{folder, ""} {
		for i := range w.Domains {
			if d := &w.Domains[i]; d.Domain == domain && d.Folder == folder {
				return w.record(d.Tenant, d, 0, out)
			}
		}
	}
	return notFound
}

// TenantByReference implements abi.ImportTenantByReference.
func (w *World) TenantByReference(ref string, out []byte) int64 {
	for i := range w.Tenants {
		if t := &w.Tenants[i]; strings.EqualFold(t.ID, ref) || t.Schema == ref {
			return w.record(t.ID, nil, 0, out)
		}
	}
	return notFound
}

// PrimaryDomain implements abi.ImportPrimaryDomain.
func (w *World) PrimaryDomain(id string, out []byte) int64 {
	var first *Domain
	var word uint32
	for i := range w.Domains {
		d := &w.Domains[i]
		switch {
		case d.Tenant != id || !d.IsPrimary:
		case first == nil:
			first = d
		default:
			word = abi.RecAmbiguous
		}
	}
	if first == nil {
		return notFound
	}
	return w.record(id, first, word, out)
}

func (w *World) record(id string, d *Domain, word uint32, out []byte) int64 {
	for i := range w.Tenants {
		t := &w.Tenants[i]
		if t.ID != id {
			continue
		}
		if d != nil && d.IsPrimary {
			word |= abi.RecPrimary
		}
		if d != nil && d.RedirectToPrimary {
			word |= abi.RecRedirectToPrimary
		}
		b := abi.Begin(out, word, abi.RecAttr0+2*len(t.Attributes))
		b.Put(abi.RecID, t.ID)
		b.Put(abi.RecSchema, t.Schema)
		if d != nil {
			b.Put(abi.RecDomain, d.Domain)
			b.Put(abi.RecFolder, d.Folder)
		}
		at := abi.RecAttr0
		for name, ok := next(t.Attributes, ""); ok; name, ok = next(t.Attributes, name) {
			b.Put(at, name)
			b.Put(at+1, t.Attributes[name])
			at += 2
		}
		return int64(b.Size())
	}
	return notFound
}

// next returns the first name after before, in sorted order, since a guest's fuel
// depends on the order. Names are not empty.
func next(attributes map[string]string, before string) (least string, ok bool) {
	for name := range attributes {
		if name > before && (!ok || name < least) {
			least, ok = name, true
		}
	}
	return least, ok
}

// Query implements abi.ImportQuery without any statement: it returns NotFound.
func (w *World) Query(_, _, _ string, _ []byte) int64 { return notFound }

// Log implements abi.ImportLog: it drops the line.
func (w *World) Log(int32, string) {}

// Clock implements abi.ImportClock: it returns the start of 2026.
func (w *World) Clock() int64 { return 1767225600_000000000 }

// Random implements abi.ImportRandom with zeros, so that runs are reproducible.
func (w *World) Random(out []byte) uint32 {
	clear(out)
	return uint32(abi.OK)
}
