package abi

// FirstSegment is the folder that a host asks its directory for ahead of the
// guest. A guest that said [Configured.LookAhead] finds one more field in each
// route request, behind the headers that it asked for (ReqHeader0 plus their
// number): the record ([RecID] …) that [ImportTenantByDomain] answers at
// this time to the field [ReqHost] as it stands and to the first segment of
// [ReqTarget] as it stands. A guest that would ask just that has its answer,
// and is spared the way through the host. Whose question is another (the host
// has a port, say) asks.
//
// The field is absent where the directory has no such row, and may be absent
// for any other reason: that it is says nothing. Hosts leave it out of requests
// for which something else than host and path may name the tenant.
//
// The segment is what stands behind the slash that target begins with, up to
// the next slash of either kind, the query, or the end. Other targets have
// none (false).
//
// "GET / of http://a.io", asked by a guest that looks ahead and wants no
// headers, where a.io is a domain of tenant 7, schema acme, is 117 bytes:
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
