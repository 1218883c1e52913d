package abi

// FirstSegment returns the folder for which a host prefetches a record: the part
// of target after its leading slash, up to the next slash or backslash, the
// query, or the end. It is not ok if target has no leading slash.
//
// Prefetching saves a guest the call of [ImportTenantByDomain]. The route
// requests of a guest that sets [Configured.LookAhead] have one more field after
// the headers, at ReqHeader0 plus their number: the record ([RecID] …) that
// tenant_by_domain would answer now for the field [ReqHost], up to its last colon if
// it has one, and the first segment of [ReqTarget]. A guest that needs another
// lookup, because the host is in upper case, say, calls tenant_by_domain.
//
// The field is absent if the directory has no such row, and may be absent for any
// other reason: a guest must not conclude that there is no row. Hosts omit it if
// a header or a session may name the tenant.
//
// The request GET / for the host a.io, a domain of the tenant 7 with schema acme,
// to a guest that prefetches and wants no headers, has 117 bytes:
//
//	00: 00 00 00 00                word
//	04: 06 00 00 00                six fields
//	08: 38 00 00 00  03 00 00 00   0 method     at 56, 3 bytes
//	10: 3b 00 00 00  04 00 00 00   1 scheme     at 59, 4 bytes
//	18: 3f 00 00 00  04 00 00 00   2 host       at 63, 4 bytes
//	20: 43 00 00 00  01 00 00 00   3 target     at 67, 1 byte
//	28: 00 00 00 00  00 00 00 00   4 session    absent
//	30: 44 00 00 00  31 00 00 00   5 record     at 68, 49 bytes
//	38: 47 45 54 68 74 74 70 61 2e 69 6f 2f      "GEThttpa.io/"
//	44: 01 00 00 00                word of the record: RecPrimary
//	48: 04 00 00 00                four fields
//	4c: 28 00 00 00  01 00 00 00   0 id         at 40 of the record, 1 byte
//	54: 29 00 00 00  04 00 00 00   1 schema     at 41, 4 bytes
//	5c: 2d 00 00 00  04 00 00 00   2 domain     at 45, 4 bytes
//	64: 31 00 00 00  00 00 00 00   3 folder     empty
//	6c: 37 61 63 6d 65 61 2e 69 6f               "7acmea.io"
func FirstSegment(target string) (segment string, ok bool) {
	if target == "" || target[0] != '/' {
		return "", false
	}
	segment = target[1:]
	for i := range len(segment) {
		if c := segment[i]; c == '/' || c == '\\' || c == '?' {
			return segment[:i], true
		}
	}
	return segment, true
}
