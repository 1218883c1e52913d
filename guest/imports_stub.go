//go:build !wasip1

package guest

import "github.com/tenantedge/tenantedge/guest/internal/native"

func tenantByDomain(domain, folder string, out []byte) int64 {
	return native.CurrentHost.TenantByDomain(domain, folder, out)
}

func tenantByReference(ref string, out []byte) int64 {
	return native.CurrentHost.TenantByReference(ref, out)
}

func primaryDomain(id string, out []byte) int64 { return native.CurrentHost.PrimaryDomain(id, out) }

func query(schema, name, args string, out []byte) int64 {
	return native.CurrentHost.Query(schema, name, args, out)
}

func logLine(level int32, text string) { native.CurrentHost.Log(level, text) }
func logAttrs(level int32, text string, attrs []byte) {
	if h, ok := native.CurrentHost.(native.AttrLogger); ok {
		h.LogAttrs(level, text, attrs)
	}
}

func clock() int64             { return native.CurrentHost.Clock() }
func random(out []byte) uint32 { return native.CurrentHost.Random(out) }
