package guest

import (
	"encoding/binary"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// shortcut answers the requests that nearly all are, where the default guest's
// logic decides: those of a dynamic tenant that is found by its domain. It
// reads the message as it lies and points at its parts in the reply. For
// whatever is out of the ordinary it has no answer, having changed nothing.
type shortcut struct {
	open  bool
	logic tenancy.Shortcut
}

// prepare writes what all short decisions have in common into the arena. Where
// that cannot be, the shortcut stays closed.
func (s *shortcut) prepare(r *tenancy.Router) {
	logic, ok := r.Shortcut()
	s.open, s.logic = ok && len(logic.URLConf)+len(logic.WSURLConf) <= shortText, logic
	if !s.open {
		return
	}
	b := abi.Begin(memory.static[headRoom:bodyAt], uint32(abi.Tenant)|abi.DecDynamic, abi.DecHeader0)
	putSome(&b, abi.DecURLConf, logic.URLConf)
	putSome(&b, abi.DecWSURLConf, logic.WSURLConf)
}

// decide answers a route request of length bytes in the buffer.
func (g *guest) decide(length uint32) []byte {
	if g.short.open && memory.large == nil {
		if reply := g.short.answer(length); reply != nil {
			return reply
		}
	}
	return g.handle(routeCall, length)
}

// Where the entries of fields are in a message.
const (
	entryHost        = 8 + 8*abi.ReqHost
	entryTarget      = 8 + 8*abi.ReqTarget
	entriesBeyond    = 8 + 8*abi.ReqSession
	entriesOfATenant = 8 + 8*abi.RecAttr0
)

// answer is nil if the request is not plain.
func (s *shortcut) answer(length uint32) []byte {
	if length < entriesBeyond || length > abi.BufferSize {
		return nil
	}
	body := memory.static[bodyAt:]
	b := body[:length:length]
	head := 8 + 8*uint64(binary.LittleEndian.Uint32(b[4:]))
	if binary.LittleEndian.Uint32(b)&^abi.ReqTrusted != 0 || head < entriesBeyond || head > uint64(length) {
		return nil
	}
	// Nothing but the host and the path may name a tenant.
	var beyond uint64
	for at := entriesBeyond; at < int(head); at += 8 {
		beyond |= binary.LittleEndian.Uint64(b[at:])
	}
	limits := int64(head)<<32 | int64(length)
	host, target := binary.LittleEndian.Uint64(b[entryHost:]), binary.LittleEndian.Uint64(b[entryTarget:])
	outside := stray(binary.LittleEndian.Uint64(b[8:]), limits) | stray(binary.LittleEndian.Uint64(b[16:]), limits) |
		stray(host, limits) | stray(target, limits)
	if beyond != 0 || outside < 0 {
		return nil
	}

	hostAt, hostEnd := span(host)
	if hostEnd-hostAt > 4 && binary.LittleEndian.Uint32(b[hostAt:]) == www {
		hostAt += 4
	}
	hash, ok := tenancy.PlainHost(b, hostAt, hostEnd)
	if !ok || s.logic.MayBeStatic(hash) {
		return nil
	}
	targetAt, targetEnd := span(target)
	path, ok := tenancy.PlainTarget(b, targetAt, targetEnd)
	if !ok {
		return nil
	}

	out := body[length:]
	n := tenantByDomain(text(b[hostAt:hostEnd]), text(b[targetAt+1:path.Segment]), out)
	if n < entriesOfATenant || n > int64(len(out)) {
		return nil
	}
	r := out[:n:n]
	if binary.LittleEndian.Uint32(r)&(abi.RecPrimary|abi.RecRedirectToPrimary) == abi.RecRedirectToPrimary || binary.LittleEndian.Uint32(r[4:]) != abi.RecAttr0 {
		return nil
	}
	limits = entriesOfATenant<<32 | n
	id, schema, folder := binary.LittleEndian.Uint64(r[8:]), binary.LittleEndian.Uint64(r[16:]), binary.LittleEndian.Uint64(r[32:])
	domain := binary.LittleEndian.Uint64(r[24:])
	if stray(id, limits)|stray(schema, limits)|stray(domain, limits)|stray(folder, limits) < 0 || folder>>32 != 0 || id>>32 == 0 || schema>>32 == 0 {
		return nil
	}

	const toRequest = bodyAt - headRoom
	toRecord := toRequest + uint64(length)
	reply := memory.static[headRoom:]
	putEntry(reply, abi.DecSchema, schema+toRecord)
	putEntry(reply, abi.DecTenantID, id+toRecord)
	putEntry(reply, abi.DecDomain, entry(hostAt, hostEnd)+toRequest)
	putEntry(reply, abi.DecFolder, folder+toRecord)
	putEntry(reply, abi.DecPath, entry(targetAt, path.End)+toRequest)
	putEntry(reply, abi.DecIdentifier, schema+toRecord)
	putEntry(reply, abi.DecCachePrefix, schema+toRecord)
	return reply[:toRecord+uint64(n)]
}

const www = 'w' | 'w'<<8 | 'w'<<16 | '.'<<24

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

func putEntry(message []byte, i int, entry uint64) {
	binary.LittleEndian.PutUint64(message[8+8*i:], entry)
}
