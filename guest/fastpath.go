package guest

import (
	"encoding/binary"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/guest/tenancy/fastpath"
)

// fastRouter answers plain requests (see package fastpath) for a guest without a
// Route handler. It reads the message in place and answers with a decision whose
// fields point into the message and the record. It returns nil, without side
// effects, for every other request: those go through tenancy.Router.
type fastRouter struct {
	enabled  bool
	table    fastpath.Table
	noTenant uint64 // field of the reason "no tenant", as an offset from the head in front of the request
	headers  int    // number of headers that the host sends

	urlconf, wsURLConf uint64 // fields of the urlconfs that decisions share; 0: none
}

// prepare writes what all decisions about dynamic tenants have in common into
// the arena. The fast path stays disabled if the router has none, or if the
// texts have no room there.
func (f *fastRouter) prepare(r *tenancy.Router, headers int) {
	table, ok := r.FastPath()
	*f = fastRouter{table: table, headers: headers}
	b := abi.Begin(memory.static[fastAt:bodyAt], uint32(abi.Tenant)|abi.DecDynamic, abi.DecHeader0)
	putNonEmpty(&b, abi.DecURLConf, table.URLConf)
	putNonEmpty(&b, abi.DecWSURLConf, table.WSURLConf)
	at := b.Size()
	b.Put(abi.DecReason, fastpath.NoTenant)
	if !ok || !b.Fits() {
		return
	}
	f.enabled = true
	f.noTenant = entry(at, at+len(fastpath.NoTenant))
	f.urlconf, f.wsURLConf = load(memory.static[fastAt:], 8+8*abi.DecURLConf), load(memory.static[fastAt:], 8+8*abi.DecWSURLConf)
	putEntry(memory.static[fastAt:], abi.DecReason, 0)
}

// Offsets of the entries of fields in a message.
const (
	entryMethod = 8 + 8*abi.ReqMethod
	entryScheme = 8 + 8*abi.ReqScheme
	entryHost   = 8 + 8*abi.ReqHost
	entryTarget = 8 + 8*abi.ReqTarget
	entryBeyond = 8 + 8*abi.ReqSession // the first field that a plain request may not have

	entryID     = 8 + 8*abi.RecID
	entrySchema = 8 + 8*abi.RecSchema
	entryDomain = 8 + 8*abi.RecDomain
	entryFolder = 8 + 8*abi.RecFolder
	entryAttr0  = 8 + 8*abi.RecAttr0
)

// toRequest is the offset of the request from the head of a decision of the fast path.
const toRequest = bodyAt - fastAt

// plainRequest is a request in the arena that the fast path can answer.
type plainRequest struct {
	length          uint32 // of the message, and of the decoded path after it
	hostAt, hostEnd int
	targetAt        int
	path            fastpath.Path
}

// answer answers a route request of length bytes in the buffer. It returns nil
// if the request is not plain.
//
// It is one function, because in parts it costs a plain request a tenth more.
func (f *fastRouter) answer(length uint32) []byte {
	if !f.enabled || memory.large != nil || length < entryBeyond || length > abi.BufferSize {
		return nil
	}
	body := memory.static[bodyAt:]
	b := body[:length:length]
	head := 8 + 8*uint64(binary.LittleEndian.Uint32(b[4:]))
	if binary.LittleEndian.Uint32(b)&^abi.ReqTrusted != 0 || head < entryBeyond || head > uint64(length) {
		return nil
	}
	// The last field may be a prefetched record. All others from the session on
	// must be absent.
	var beyond, prefetched uint64
	end := int(head)
	if end == entryBeyond+8*(1+f.headers+1) {
		end -= 8
		prefetched = load(b, end)
	}
	for at := entryBeyond; at < end; at += 8 {
		beyond |= load(b, at)
	}
	limits := int64(head)<<32 | int64(length)
	host, target := load(b, entryHost), load(b, entryTarget)
	if prefetched != 0 && stray(prefetched, limits) < 0 {
		return nil
	}
	if beyond != 0 || stray(load(b, entryMethod), limits)|stray(load(b, entryScheme), limits)|stray(host, limits)|stray(target, limits) < 0 {
		return nil
	}

	p := plainRequest{length: length}
	p.hostAt, p.hostEnd = span(host)
	if b[p.hostEnd-1] <= '9' {
		p.hostEnd = fastpath.CutPort(b, p.hostAt, p.hostEnd)
	}
	hash, ok := fastpath.Host(b, p.hostAt, p.hostEnd)
	if !ok {
		return nil
	}
	var targetEnd int
	p.targetAt, targetEnd = span(target)
	if p.path, ok = fastpath.Target(b, p.targetAt, targetEnd); !ok {
		return nil
	}
	if p.path.Odd {
		segment := p.path.Segment - p.targetAt
		if p.path, ok = fastpath.Decode(body, p.targetAt, p.path.End, int(length)); !ok {
			return nil
		}
		p.targetAt, p.length = int(length), uint32(p.path.End)
		b = body[:p.length:p.length]
		if p.path.Segment-p.targetAt != segment {
			prefetched = 0 // for the first segment as sent
		}
	}
	// The host is looked up without its port, which the prefetched record is for, and
	// then without a leading "www.".
	for {
		name := text(b[p.hostAt:p.hostEnd])
		domain, fallback := -1, -1
		if len(f.table.Statics) > 0 {
			domain, fallback = f.table.Find(name, hash)
		}
		if domain >= 0 {
			return f.static(&p, domain)
		}
		if f.table.Dynamic {
			if at, end := span(prefetched); end-at >= entryAttr0 {
				return f.dynamic(&p, b[at:end:end], at)
			}
			out := body[p.length:]
			n := tenantByDomain(name, text(b[p.targetAt+1:p.path.Segment]), out)
			if n != -int64(abi.NotFound) {
				if n < entryAttr0 || n > int64(len(out)) {
					return nil
				}
				return f.dynamic(&p, out[:n:n], int(p.length))
			}
		}
		if fallback >= 0 {
			return f.static(&p, fallback)
		}
		if p.hostAt != int(uint32(host)) || p.hostEnd-p.hostAt <= 4 || binary.LittleEndian.Uint32(b[p.hostAt:]) != www {
			return f.none()
		}
		p.hostAt, prefetched = p.hostAt+4, 0
		if hash, ok = fastpath.Host(b, p.hostAt, p.hostEnd); !ok {
			return nil
		}
	}
}

const www = 'w' | 'w'<<8 | 'w'<<16 | '.'<<24

// dynamic answers with the tenant of record r, which begins at an offset from the
// start of the request: inside the request or after it.
func (f *fastRouter) dynamic(p *plainRequest, r []byte, at int) []byte {
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
	reply := memory.static[fastAt:]
	putEntry(reply, abi.DecSchema, schema+toRecord)
	putEntry(reply, abi.DecTenantID, id+toRecord)
	putEntry(reply, abi.DecDomain, entry(p.hostAt, p.hostEnd)+toRequest)
	putEntry(reply, abi.DecFolder, folder+toRecord)
	putEntry(reply, abi.DecPath, path+toRequest)
	putEntry(reply, abi.DecIdentifier, identifier+toRecord)
	putEntry(reply, abi.DecCachePrefix, schema+toRecord)
	size := max(toRequest+uint64(p.length), toRecord+uint64(len(r)))
	if f.table.Chooses != nil {
		return f.place(reply, size, r, int(head))
	}
	return reply[:size]
}

// place completes a decision of some size about the tenant of record r with the
// urlconfs that its attributes choose, as tenancy.Place does.
func (f *fastRouter) place(reply []byte, size uint64, r []byte, head int) []byte {
	d := f.table.Chooses
	var status, urlconf, wsURLConf string // that are chosen
	for at := head - 16; at >= entryAttr0; at -= 16 {
		name, value := field(r, at), field(r, at+8)
		lookUp(d.Status, name, value, &status)
		lookUp(d.URLConfBy, name, value, &urlconf)
		lookUp(d.WSURLConfBy, name, value, &wsURLConf)
	}
	if status != "" || urlconf == "" && f.urlconf == 0 || size+uint64(len(urlconf)+len(wsURLConf)) > uint64(len(reply)) {
		return nil
	}
	end, first, second := int(size), f.urlconf, f.wsURLConf
	if urlconf != "" {
		first, end = appendText(reply, end, urlconf)
	}
	if wsURLConf != "" {
		second, end = appendText(reply, end, wsURLConf)
	}
	putEntry(reply, abi.DecURLConf, first)
	putEntry(reply, abi.DecWSURLConf, second)
	return reply[:end]
}

// lookUp sets chosen to the name for the value of an attribute, if c lists it.
func lookUp(c *abi.Choice, name, value string, chosen *string) {
	if c != nil && c.Attribute == name {
		*chosen = c.Values[value]
	}
}

// field returns the bytes of the field at an offset, which must lie in r.
func field(r []byte, at int) string {
	from, to := span(load(r, at))
	return text(r[from:to])
}

// below returns the entry of the path below the folder of record r. It is not ok
// if a server could read another path.
func (p *plainRequest) below(r []byte, folder uint64) (path uint64, ok bool) {
	b := memory.static[bodyAt:][:p.length]
	at, end := span(folder)
	segment := p.path.Segment
	if string(r[at:end]) != string(b[p.targetAt+1:segment]) {
		return 0, false
	}
	if segment == p.path.End {
		return entry(p.targetAt, p.targetAt+1), true // the slash before the folder
	}
	if b[segment] != '/' || segment+1 < p.path.End && (b[segment+1] == '/' || b[segment+1] == '\\') {
		return 0, false
	}
	return entry(segment, p.path.End), true
}

// ownIdentifier returns the entry of the attribute of record r that is the
// tenant's identifier, or schema if the record has no such attribute.
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
		return identifier, fastpath.Segment(r, from, to)
	}
	return identifier, outside >= 0
}

// static answers with a static tenant, whose texts it appends to the request.
func (f *fastRouter) static(p *plainRequest, i int) []byte {
	t := &f.table.Statics[i]
	reply := memory.static[fastAt-fastHead:]
	const toRequest = toRequest + fastHead
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

// none answers that there is no tenant. Its head precedes the head of the
// decisions about dynamic tenants, and the reason follows that one.
func (f *fastRouter) none() []byte {
	reply := memory.static[fastAt-fastHead:]
	begin(reply, uint32(abi.Missing)|statusNotFound<<abi.DecStatusShift)
	putEntry(reply, abi.DecReason, f.noTenant+fastHead)
	return reply[:fastHead+toRequest]
}

// begin writes the head of a decision without fields.
func begin(reply []byte, word uint32) {
	binary.LittleEndian.PutUint64(reply, uint64(word)|abi.DecHeader0<<32)
	clear(reply[8:fastHead])
}

// appendText copies s to reply[at:], and returns its entry and its end.
func appendText(reply []byte, at int, s string) (e uint64, end int) {
	end = at + copy(reply[at:], s)
	return entry(at, end), end
}

// stray returns a negative number if a field is absent, or does not lie between
// the end of the message's head (upper half of limits) and the end of the message
// (lower half).
func stray(entry uint64, limits int64) int64 {
	offset, length := int64(uint32(entry)), int64(entry>>32)
	return (offset - limits>>32) | (limits&0xffffffff - offset - length)
}

// span returns the offsets of the bytes of a field.
func span(entry uint64) (at, end int) {
	at = int(uint32(entry))
	return at, at + int(entry>>32)
}

func entry(at, end int) uint64 { return uint64(at) | uint64(end-at)<<32 }

func load(b []byte, at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }

func putEntry(message []byte, i int, entry uint64) {
	binary.LittleEndian.PutUint64(message[8+8*i:], entry)
}
