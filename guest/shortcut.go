package guest

import (
	"encoding/binary"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// shortcut answers the requests that nearly all are, where the default guest's
// logic decides: those of a tenant that is found by its domain, or of none. It
// reads the message as it lies and points at its parts in the reply. For
// whatever is out of the ordinary it has no answer, having changed nothing.
type shortcut struct {
	open    bool
	logic   tenancy.Shortcut
	missing uint64 // entry of the reason in a short reply that there is no tenant
	headers int    // that the host was asked for
}

// prepare writes what all short decisions about dynamic tenants have in common
// into the arena. Where that cannot be, the shortcut stays closed.
func (s *shortcut) prepare(r *tenancy.Router, headers int) {
	logic, ok := r.Shortcut()
	*s = shortcut{logic: logic, headers: headers}
	b := abi.Begin(memory.static[shortAt:bodyAt], uint32(abi.Tenant)|abi.DecDynamic, abi.DecHeader0)
	putSome(&b, abi.DecURLConf, logic.URLConf)
	putSome(&b, abi.DecWSURLConf, logic.WSURLConf)
	at := b.Size()
	b.Put(abi.DecReason, tenancy.NoTenant)
	if !ok || !b.Fits() {
		return
	}
	s.open = true
	s.missing = entry(at, at+len(tenancy.NoTenant))
	putEntry(memory.static[shortAt:], abi.DecReason, 0)
}

// Where the entries of fields are in a message.
const (
	entryMethod = 8 + 8*abi.ReqMethod
	entryScheme = 8 + 8*abi.ReqScheme
	entryHost   = 8 + 8*abi.ReqHost
	entryTarget = 8 + 8*abi.ReqTarget
	entryBeyond = 8 + 8*abi.ReqSession // what may name a tenant begins here

	entryID     = 8 + 8*abi.RecID
	entrySchema = 8 + 8*abi.RecSchema
	entryDomain = 8 + 8*abi.RecDomain
	entryFolder = 8 + 8*abi.RecFolder
	entryAttr0  = 8 + 8*abi.RecAttr0
)

// toRequest is how far the request is from the beginning of a short reply.
const toRequest = bodyAt - shortAt

// plain is a request in the arena that the shortcut can answer.
type plain struct {
	length          uint32
	hostAt, hostEnd int
	targetAt        int
	path            tenancy.Path
}

// answer answers a route request of length bytes in the buffer. It is nil if
// the request is not plain.
func (s *shortcut) answer(length uint32) []byte {
	if !s.open || memory.large != nil || length < entryBeyond || length > abi.BufferSize {
		return nil
	}
	body := memory.static[bodyAt:]
	b := body[:length:length]
	head := 8 + 8*uint64(binary.LittleEndian.Uint32(b[4:]))
	if binary.LittleEndian.Uint32(b)&^abi.ReqTrusted != 0 || head < entryBeyond || head > uint64(length) {
		return nil
	}
	// Nothing but the host and the path may name a tenant. Behind what may stands
	// what the host has looked up ahead.
	var beyond, ahead uint64
	end := int(head)
	if end == entryBeyond+8*(1+s.headers+1) {
		end -= 8
		ahead = load(b, end)
	}
	for at := entryBeyond; at < end; at += 8 {
		beyond |= load(b, at)
	}
	limits := int64(head)<<32 | int64(length)
	host, target := load(b, entryHost), load(b, entryTarget)
	if ahead != 0 && stray(ahead, limits) < 0 {
		return nil
	}
	if beyond != 0 || stray(load(b, entryMethod), limits)|stray(load(b, entryScheme), limits)|stray(host, limits)|stray(target, limits) < 0 {
		return nil
	}

	p := plain{length: length}
	p.hostAt, p.hostEnd = span(host)
	hash, ok := tenancy.PlainHost(b, p.hostAt, p.hostEnd)
	if !ok {
		return nil
	}
	var targetEnd int
	p.targetAt, targetEnd = span(target)
	if p.path, ok = tenancy.PlainTarget(b, p.targetAt, targetEnd); !ok || p.path.Odd {
		return nil
	}
	// The host's name as it stands, for which the host may have looked ahead, and
	// then without "www.".
	for {
		name := text(b[p.hostAt:p.hostEnd])
		domain, fallback := -1, -1
		if len(s.logic.Statics) > 0 {
			domain, fallback = s.logic.Static(name, hash)
		}
		if domain >= 0 {
			return s.static(&p, domain)
		}
		if s.logic.Dynamic {
			if at, end := span(ahead); end-at >= entryAttr0 {
				return s.dynamic(&p, b[at:end:end], at)
			}
			out := body[length:]
			n := tenantByDomain(name, text(b[p.targetAt+1:p.path.Segment]), out)
			if n != -int64(abi.NotFound) {
				if n < entryAttr0 || n > int64(len(out)) {
					return nil
				}
				return s.dynamic(&p, out[:n:n], int(length))
			}
		}
		if fallback >= 0 {
			return s.static(&p, fallback)
		}
		if p.hostAt != int(uint32(host)) || p.hostEnd-p.hostAt <= 4 || binary.LittleEndian.Uint32(b[p.hostAt:]) != www {
			return s.none()
		}
		p.hostAt, ahead = p.hostAt+4, 0
		if hash, ok = tenancy.PlainHost(b, p.hostAt, p.hostEnd); !ok {
			return nil
		}
	}
}

const www = 'w' | 'w'<<8 | 'w'<<16 | '.'<<24

// dynamic answers with the tenant of a record, which lies at an offset from the
// beginning of the request: in it or behind it.
func (s *shortcut) dynamic(p *plain, r []byte, at int) []byte {
	word, head := binary.LittleEndian.Uint32(r), 8+8*uint64(binary.LittleEndian.Uint32(r[4:]))
	if word&(abi.RecPrimary|abi.RecRedirectToPrimary) == abi.RecRedirectToPrimary || head < entryAttr0 || head > uint64(len(r)) {
		return nil
	}
	limits := int64(head)<<32 | int64(len(r))
	id, schema, domain, folder := load(r, entryID), load(r, entrySchema), load(r, entryDomain), load(r, entryFolder)
	if stray(id, limits)|stray(schema, limits)|stray(domain, limits)|stray(folder, limits) < 0 || id>>32 == 0 || schema>>32 == 0 {
		return nil
	}
	path := entry(p.targetAt, p.path.End)
	if folder>>32 != 0 {
		var ok bool
		if path, ok = p.below(r, folder); !ok {
			return nil
		}
	}
	identifier := schema
	if head != entryAttr0 {
		var ok bool
		if identifier, ok = ownIdentifier(r, int(head), limits, schema); !ok {
			return nil
		}
	}
	toRecord := toRequest + uint64(at)
	reply := memory.static[shortAt:]
	putEntry(reply, abi.DecSchema, schema+toRecord)
	putEntry(reply, abi.DecTenantID, id+toRecord)
	putEntry(reply, abi.DecDomain, entry(p.hostAt, p.hostEnd)+toRequest)
	putEntry(reply, abi.DecFolder, folder+toRecord)
	putEntry(reply, abi.DecPath, path+toRequest)
	putEntry(reply, abi.DecIdentifier, identifier+toRecord)
	putEntry(reply, abi.DecCachePrefix, schema+toRecord)
	return reply[:max(toRequest+uint64(p.length), toRecord+uint64(len(r)))]
}

// below is the path below the folder of record r, if nobody can read it in
// another way.
func (p *plain) below(r []byte, folder uint64) (path uint64, ok bool) {
	b := memory.static[bodyAt:][:p.length]
	at, end := span(folder)
	segment := p.path.Segment
	if string(r[at:end]) != string(b[p.targetAt+1:segment]) {
		return 0, false
	}
	if segment == p.path.End {
		return entry(p.targetAt, p.targetAt+1), true // the slash in front of the folder
	}
	if b[segment] != '/' || segment+1 < p.path.End && (b[segment+1] == '/' || b[segment+1] == '\\') {
		return 0, false
	}
	return entry(segment, p.path.End), true
}

// ownIdentifier is the attribute of record r that is the tenant's identifier,
// and schema if it has none.
func ownIdentifier(r []byte, head int, limits int64, schema uint64) (identifier uint64, ok bool) {
	if head > 8+8*maxFields || (head-entryAttr0)%16 != 0 {
		return 0, false
	}
	var outside int64
	own := false
	identifier = schema
	for at := head - 16; at >= entryAttr0; at -= 16 {
		name, value := load(r, at), load(r, at+8)
		outside |= stray(name, limits) | stray(value, limits)
		if name>>32 == uint64(len(pathnameAttribute)) && outside >= 0 {
			if from, to := span(name); string(r[from:to]) == pathnameAttribute {
				identifier, own = value, true
			}
		}
	}
	if own && outside >= 0 {
		from, to := span(identifier)
		return identifier, tenancy.PlainSegment(r, from, to)
	}
	return identifier, outside >= 0
}

// static answers with a static tenant. Its texts are put behind the request.
func (s *shortcut) static(p *plain, i int) []byte {
	t := &s.logic.Statics[i]
	reply := memory.static[shortAt-shortHead:]
	const toRequest = toRequest + shortHead
	end := toRequest + int(p.length)
	if end+len(t.Schema)+len(t.URLConf)+len(t.WSURLConf) > len(reply) {
		return nil
	}
	begin(reply, uint32(abi.Tenant))
	schema, end := appendText(reply, end, t.Schema)
	putEntry(reply, abi.DecSchema, schema)
	putEntry(reply, abi.DecIdentifier, schema)
	putEntry(reply, abi.DecCachePrefix, schema)
	putEntry(reply, abi.DecDomain, entry(p.hostAt, p.hostEnd)+toRequest)
	putEntry(reply, abi.DecFolder, toRequest)
	putEntry(reply, abi.DecPath, entry(p.targetAt, p.path.End)+toRequest)
	if t.URLConf != "" {
		var urlconf uint64
		urlconf, end = appendText(reply, end, t.URLConf)
		putEntry(reply, abi.DecURLConf, urlconf)
	}
	if t.WSURLConf != "" {
		var wsURLConf uint64
		wsURLConf, end = appendText(reply, end, t.WSURLConf)
		putEntry(reply, abi.DecWSURLConf, wsURLConf)
	}
	return reply[:end]
}

// none answers that there is no tenant. The reason stands behind the head of
// the decisions about dynamic tenants, which is behind this one's.
func (s *shortcut) none() []byte {
	reply := memory.static[shortAt-shortHead:]
	begin(reply, uint32(abi.Missing)|statusNotFound<<abi.DecStatusShift)
	putEntry(reply, abi.DecReason, s.missing+shortHead)
	return reply[:shortHead+toRequest]
}

// begin writes the head of a decision without fields.
func begin(reply []byte, word uint32) {
	binary.LittleEndian.PutUint64(reply, uint64(word)|abi.DecHeader0<<32)
	clear(reply[8:shortHead])
}

// appendText copies s to reply[at:], and gives its entry and its end.
func appendText(reply []byte, at int, s string) (e uint64, end int) {
	end = at + copy(reply[at:], s)
	return entry(at, end), end
}

// stray is negative if a field is not present, or does not lie between the end
// of the message's head (upper half of limits) and that of the message.
func stray(entry uint64, limits int64) int64 {
	offset, length := int64(uint32(entry)), int64(entry>>32)
	return (offset - limits>>32) | (limits&0xffffffff - offset - length)
}

// span is where the bytes of a field are.
func span(entry uint64) (at, end int) {
	at = int(uint32(entry))
	return at, at + int(entry>>32)
}

func entry(at, end int) uint64 { return uint64(at) | uint64(end-at)<<32 }

func load(b []byte, at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }

func putEntry(message []byte, i int, entry uint64) {
	binary.LittleEndian.PutUint64(message[8+8*i:], entry)
}
