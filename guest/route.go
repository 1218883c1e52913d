package guest

import (
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// route decides the request in raw. It returns nil, which fails the request, if
// the message is malformed or a lookup failed in the host.
func (g *guest) route(raw []byte) []byte {
	if !g.readRequest(raw) {
		return nil
	}
	d := &g.answer
	if g.Route == nil {
		if g.router == nil {
			return nil
		}
		g.router.Route(&g.request, directory, d)
	} else {
		d.Reset()
		g.Route(&g.request, d)
	}
	if memory.failed {
		return nil
	}
	return g.reply(d, g.message.word&abi.ReqExplain != 0)
}

// directory is converted to an interface once, not for each request.
var directory tenancy.Directory = Directory{}

func (g *guest) readRequest(raw []byte) bool {
	m := &g.message
	if !m.parse(raw) {
		return false
	}
	r := &g.request
	r.Method, r.Scheme, r.Target = m.at[abi.ReqMethod], m.at[abi.ReqScheme], m.at[abi.ReqTarget]
	r.Host, r.HasHost = m.at[abi.ReqHost], m.has(abi.ReqHost)
	r.Session, r.HasSession = m.at[abi.ReqSession], m.has(abi.ReqSession)
	r.Trusted = m.word&abi.ReqTrusted != 0
	r.Websocket = m.word&abi.ReqWebsocket != 0
	n := min(m.n, maxFields) - abi.ReqHeader0
	if g.fast.enabled {
		n = min(n, g.fast.headers) // the next field is a prefetched record
	}
	if n <= 0 {
		r.Headers = nil
		return true
	}
	for i := range n {
		g.headers[i] = Header{Value: m.at[abi.ReqHeader0+i], Present: m.has(abi.ReqHeader0 + i)}
	}
	r.Headers = g.headers[:n]
	return true
}

// reply writes a decision with the fields that its outcome has.
func (g *guest) reply(d *Decision, explain bool) []byte {
	outcome, status := d.Outcome, d.Status
	if outcome == 0 {
		outcome, status = abi.Missing, statusNotFound
	}
	word := uint32(outcome) | uint32(status)<<abi.DecStatusShift
	if d.Dynamic {
		word |= abi.DecDynamic
	}
	if d.Kind == tenancy.BySession {
		word |= abi.DecBySession
	}
	var f decisionFields
	if outcome != abi.Tenant || explain {
		f.putNonEmpty(abi.DecReason, truncate(d.Reason))
	}
	if outcome == abi.Tenant || outcome == abi.Redirect {
		f.putNonEmpty(abi.DecSchema, d.Schema)
		f.putNonEmpty(abi.DecTenantID, d.TenantID)
		if d.Kind == tenancy.ByDomain {
			f.put(abi.DecDomain, d.Domain)
			f.put(abi.DecFolder, d.Folder)
		} else {
			f.put(abi.DecReference, d.Reference)
		}
	}
	var headers []string
	switch outcome {
	case abi.None:
		f.putNonEmpty(abi.DecPath, d.Path)
	case abi.Redirect:
		f.put(abi.DecLocation, d.Location)
	case abi.Tenant:
		f.putNonEmpty(abi.DecURLConf, d.URLConf)
		f.putNonEmpty(abi.DecWSURLConf, d.WSURLConf)
		f.putNonEmpty(abi.DecPath, d.Path)
		f.putNonEmpty(abi.DecIdentifier, d.Identifier)
		f.putNonEmpty(abi.DecCachePrefix, d.CachePrefix)
		if d.RouteFound {
			f.put(abi.DecRouteName, d.RouteName)
			f.put(abi.DecRouteKwargs, d.RouteKwargs)
		}
		headers = d.Headers[:len(d.Headers)&^1]
	}
	if reply := memory.point(word, &f, headers); reply != nil {
		return reply
	}
	return memory.reply(func(buf []byte) abi.Builder { return build(buf, word, &f, headers) })
}

const statusNotFound = 404

// build writes a decision that arena.point has no room for.
func build(buf []byte, word uint32, f *decisionFields, headers []string) abi.Builder {
	b := abi.Begin(buf, word, len(f.at)+len(headers))
	for i, s := range f.at {
		if f.present&(1<<i) != 0 {
			b.Put(i, s)
		}
	}
	for i, s := range headers {
		b.Put(len(f.at)+i, s)
	}
	return b
}

// putNonEmpty sets field i, unless s is empty.
func putNonEmpty(b *abi.Builder, i int, s string) {
	if s != "" {
		b.Put(i, s)
	}
}

// reason returns the text of an error, truncated for a reply.
func reason(err error) string { return truncate(err.Error()) }

func truncate(reason string) string { return reason[:min(len(reason), abi.MaxReason)] }

// text returns b as a string that shares its memory.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
