//go:build !wasip1

package main

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/guesttest"
	"github.com/tenantedge/tenantedge/guest/tck"
)

// fixedRow answers every lookup by domain or reference with the same record.
type fixedRow struct {
	guesttest.Unavailable
	record []byte
}

func (f *fixedRow) TenantByDomain(_, _ string, out []byte) int64 {
	return int64(copy(out, f.record))
}

func (f *fixedRow) TenantByReference(_ string, out []byte) int64 {
	return int64(copy(out, f.record))
}

// BenchmarkRoute measures a request through the guest natively: the same
// messages, without Wasm. `make guest-profile` records default.pgo with it. A
// call costs a guest of Go's toolchain some 30 ns; with the profile, the compiler
// inlines the calls of a plain request.
func BenchmarkRoute(b *testing.B) {
	world := &tck.World{
		Tenants: []tck.Tenant{{ID: "1", Schema: "acme"}},
		Domains: []tck.Domain{{Tenant: "1", Domain: "acme.example.com", IsPrimary: true}},
	}
	row := &fixedRow{record: make([]byte, 256)}
	row.record = row.record[:world.TenantByDomain("acme.example.com", "", row.record)]
	guesttest.Replace(b, row)
	if _, err := guesttest.Call(abi.ExportConfigure, []byte(`{"abi":1,"routers":["domain","header"],"default":{"urlconf":"app.urls"}}`)); err != nil {
		b.Fatal(err)
	}
	for _, q := range []struct{ host, target, header string }{
		{"acme.example.com", "/invoices/2026?page=2", ""},
		{"acme.example.com:8080", "/invoices/2026", ""},
		{"acme.example.com", "/in%20voices/2026", ""},
		// Without the fast path:
		{"ACME.example.com", "/in%20voices/2026;x", ""},
		{"acme.example.com", "/invoices/2026?page=2", "acme"},
	} {
		b.Run(q.host+q.target+" "+q.header, func(b *testing.B) {
			buf := make([]byte, 256)
			m := abi.Begin(buf, abi.ReqTrusted, abi.ReqHeader0+2)
			m.Put(abi.ReqMethod, "GET")
			m.Put(abi.ReqScheme, "http")
			m.Put(abi.ReqHost, q.host)
			m.Put(abi.ReqTarget, q.target)
			if q.header != "" {
				m.Put(abi.ReqHeader0, q.header)
			} else {
				m.Keep(abi.ReqHeader0+1, copy(m.Rest(), row.record)) // the prefetched record
			}
			msg := m.Bytes()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := guesttest.Call(abi.ExportRoute, msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
