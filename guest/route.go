package guest

import (
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// route decides about the request in m. It answers nil, by which the request
// fails, if a lookup failed in the host.
func (g *guest) route(m abi.Message) []byte {
	g.readRequest(m)
	d := &g.answer
	if g.Route == nil {
		if g.router == nil {
			return nil
		}
		g.router.Route(&g.request, Directory{}, d)
	} else {
		d.Reset()
		g.Route(&g.request, d)
	}
	if memory.failed {
		return nil
	}
	explain := m.Word()&abi.ReqExplain != 0
	return memory.reply(func(b []byte) abi.Builder { return encode(b, d, explain) })
}

func (g *guest) readRequest(m abi.Message) {
	r := &g.request
	r.Method, r.Scheme = text(m.Get(abi.ReqMethod)), text(m.Get(abi.ReqScheme))
	host, hasHost := m.Field(abi.ReqHost)
	r.Host, r.HasHost = text(host), hasHost
	r.Target = text(m.Get(abi.ReqTarget))
	session, hasSession := m.Field(abi.ReqSession)
	r.Session, r.HasSession = text(session), hasSession
	r.Trusted = m.Word()&abi.ReqTrusted != 0
	r.Websocket = m.Word()&abi.ReqWebsocket != 0
	n := max(0, min(m.Len()-abi.ReqHeader0, maxHeaders))
	for i := range n {
		value, present := m.Field(abi.ReqHeader0 + i)
		g.headers[i] = Header{Value: text(value), Present: present}
	}
	r.Headers = g.headers[:n]
}

// encode writes a decision: what its outcome has, and nothing else.
func encode(buf []byte, d *Decision, explain bool) abi.Builder {
	outcome := d.Outcome
	status := d.Status
	if outcome == 0 {
		outcome, status = abi.Missing, 404
	}
	word := uint32(outcome) | uint32(status)<<abi.DecStatusShift
	if d.Dynamic {
		word |= abi.DecDynamic
	}
	if d.Kind == tenancy.BySession {
		word |= abi.DecBySession
	}
	b := abi.Begin(buf, word, abi.DecHeader0+len(d.Headers)&^1)
	if outcome != abi.Tenant || explain {
		putSome(&b, abi.DecReason, d.Reason)
	}
	if outcome == abi.None {
		b.Put(abi.DecPath, d.Path)
	}
	if outcome != abi.Tenant && outcome != abi.Redirect {
		return b
	}
	putSome(&b, abi.DecSchema, d.Schema)
	putSome(&b, abi.DecTenantID, d.TenantID)
	if d.Kind == tenancy.ByDomain {
		b.Put(abi.DecDomain, d.Domain)
		b.Put(abi.DecFolder, d.Folder)
	} else {
		b.Put(abi.DecReference, d.Reference)
	}
	if outcome == abi.Redirect {
		b.Put(abi.DecLocation, d.Location)
		return b
	}
	putSome(&b, abi.DecURLConf, d.URLConf)
	putSome(&b, abi.DecWSURLConf, d.WSURLConf)
	b.Put(abi.DecPath, d.Path)
	putSome(&b, abi.DecIdentifier, d.Identifier)
	putSome(&b, abi.DecCachePrefix, d.CachePrefix)
	if d.RouteFound {
		b.Put(abi.DecRouteName, d.RouteName)
		b.Put(abi.DecRouteKwargs, d.RouteKwargs)
	}
	for i := 0; i+1 < len(d.Headers); i += 2 {
		b.Put(abi.DecHeader0+i, d.Headers[i])
		b.Put(abi.DecHeader0+i+1, d.Headers[i+1])
	}
	return b
}

func putSome(b *abi.Builder, i int, s string) {
	if s != "" {
		b.Put(i, s)
	}
}

// text takes bytes for a string where they lie.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
