//go:build !wasip1

package guesttest

import (
	"cmp"
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Route returns the guest's decision about a request. The method is GET and the
// scheme http where r leaves them empty, and r has a host or a session if the
// text is not empty. Headers are those of abi.Configured.Headers, in that order.
// The decision has its reason for every outcome.
func Route(t testing.TB, r *guest.Request) guest.Decision {
	t.Helper()
	var word uint32 = abi.ReqExplain
	if r.Trusted {
		word |= abi.ReqTrusted
	}
	if r.Websocket {
		word |= abi.ReqWebsocket
	}
	m := call(t, abi.ExportRoute, func(buf []byte) abi.Builder {
		b := abi.Begin(buf, word, abi.ReqHeader0+len(r.Headers))
		b.Put(abi.ReqMethod, cmp.Or(r.Method, "GET"))
		b.Put(abi.ReqScheme, cmp.Or(r.Scheme, "http"))
		if r.HasHost || r.Host != "" {
			b.Put(abi.ReqHost, r.Host)
		}
		b.Put(abi.ReqTarget, r.Target)
		if r.HasSession || r.Session != "" {
			b.Put(abi.ReqSession, r.Session)
		}
		putHeaders(&b, abi.ReqHeader0, r.Headers)
		return b
	})
	return decision(m)
}

// decision copies a decision out of the guest's buffer.
func decision(m abi.Message) guest.Decision {
	text := func(i int) string { return string(m.Get(i)) }
	word := m.Word()
	d := guest.Decision{
		Outcome: abi.Outcome(word & abi.DecOutcomeMask), Status: int(word >> abi.DecStatusShift),
		Schema: text(abi.DecSchema), TenantID: text(abi.DecTenantID), Dynamic: word&abi.DecDynamic != 0,
		Domain: text(abi.DecDomain), Folder: text(abi.DecFolder), Reference: text(abi.DecReference),
		URLConf: text(abi.DecURLConf), WSURLConf: text(abi.DecWSURLConf), Path: text(abi.DecPath), Location: text(abi.DecLocation),
		Identifier: text(abi.DecIdentifier), CachePrefix: text(abi.DecCachePrefix), Reason: text(abi.DecReason),
		RouteName: text(abi.DecRouteName), RouteKwargs: text(abi.DecRouteKwargs),
	}
	_, d.RouteFound = m.Field(abi.DecRouteName)
	_, byReference := m.Field(abi.DecReference)
	_, byDomain := m.Field(abi.DecDomain)
	switch {
	case word&abi.DecBySession != 0:
		d.Kind = tenancy.BySession
	case byReference:
		d.Kind = tenancy.ByHeader
	case byDomain:
		d.Kind = tenancy.ByDomain
	}
	for i := abi.DecHeader0; i < m.Len(); i++ {
		d.Headers = append(d.Headers, text(i))
	}
	return d
}
