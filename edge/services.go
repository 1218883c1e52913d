package edge

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// services stand behind the host functions of one instance. They remember what
// the guest looked up in the current call: a decision is checked against it,
// and takes its strings from it instead of copying them out of guest memory.
type services struct {
	host    *Host
	of      *generation     // whose guest asks
	match   *tenantdb.Match // what the guest found last; nothing at first
	primary string          // domain of the primary row that it asked for
	ahead   *tenantdb.Match // what it was told before it asked; nothing at first
	names   interned
	tenant  *tenant.Tenant // that the call is for; nil: the guest is to find out
	noFiles bool

	asked, told tenantdb.Match // what match and ahead point at: these calls allocate nothing
}

// nothing is what match and ahead point at before there is something. It stays
// empty.
var nothing tenantdb.Match

var _ hostfuncs.Services = (*services)(nil)

func newServices(h *Host, of *generation) *services {
	s := &services{host: h, of: of}
	s.begin()
	return s
}

// begin forgets the call before.
func (s *services) begin() {
	s.match, s.ahead = &nothing, &nothing
	s.primary, s.tenant, s.noFiles = "", nil, false
}

// beginFor is begin for a call about a request that was routed already.
func (s *services) beginFor(t *tenant.Tenant) {
	s.begin()
	s.tenant = t
}

// lookAhead answers the question that a guest is likely to ask about r, into
// out; false: nothing is known, or the guest will ask something else.
func (s *services) lookAhead(r *Request, out []byte) (size int, ok bool) {
	folder, ok := abi.FirstSegment(r.Target)
	if !ok || strings.IndexByte(r.Host, ':') >= 0 {
		return 0, false
	}
	if s.told, ok = s.host.config.Directory.ByDomain(r.Host, folder); !ok {
		return 0, false
	}
	if size = record(&s.told, true, out); size > len(out) {
		return 0, false
	}
	s.ahead = &s.told
	return size, true
}

func (s *services) ByDomain(domain, folder string, out []byte) (int, bool) {
	m, ok := s.host.config.Directory.ByDomain(domain, folder)
	if !ok {
		return 0, false
	}
	return record(s.find(m), true, out), true
}

func (s *services) ByReference(ref string, out []byte) (int, bool) {
	t, ok := s.host.config.Directory.ByReference(ref)
	if !ok {
		return 0, false
	}
	return record(s.find(tenantdb.Match{Tenant: t}), false, out), true
}

// find notes what the guest has found.
func (s *services) find(m tenantdb.Match) *tenantdb.Match {
	s.asked = m
	s.match = &s.asked
	return s.match
}

func (s *services) Primary(id string, out []byte) (int, bool) {
	m, ok := s.host.config.Directory.Primary(id)
	if !ok {
		return 0, false
	}
	s.primary = m.Domain
	return record(&m, true, out), true
}

// record writes the abi's record of m to out and returns its size.
func record(m *tenantdb.Match, withDomain bool, out []byte) int {
	var word uint32
	if m.IsPrimary {
		word |= abi.RecPrimary
	}
	if m.RedirectToPrimary {
		word |= abi.RecRedirectToPrimary
	}
	if m.Ambiguous {
		word |= abi.RecAmbiguous
	}
	b := abi.Begin(out, word, abi.RecAttr0+2*len(m.Tenant.Attributes))
	b.Put(abi.RecID, m.Tenant.ID)
	b.Put(abi.RecSchema, m.Tenant.Schema)
	if withDomain {
		b.Put(abi.RecDomain, m.Domain)
		b.Put(abi.RecFolder, m.Folder)
	}
	for i, a := range m.Tenant.Attributes {
		b.Put(abi.RecAttr0+2*i, a.Name)
		b.Put(abi.RecAttr0+2*i+1, a.Value)
	}
	return b.Size()
}

func (s *services) Query(ctx context.Context, schema, name string, args []byte) ([]byte, error) {
	queries := s.host.config.Queries
	if queries == nil {
		return nil, fmt.Errorf("%w: expected queries in the configuration, found none", abi.Unavailable)
	}
	// Copies, because a driver may keep them beyond the life of the guest's memory.
	schema, name, args = strings.Clone(schema), strings.Clone(name), bytes.Clone(args)
	if schema == "" {
		public, ok := queries.(PublicQuerier)
		if !ok {
			return nil, fmt.Errorf("%w: expected the schema of a tenant, found none, and no statement runs in schema public alone", abi.Denied)
		}
		return public.QueryPublic(ctx, name, args)
	}
	if s.tenant != nil && schema != s.tenant.Schema {
		return nil, fmt.Errorf("%w: expected schema %q, which is that of the request's tenant, found %.63q", abi.Denied, s.tenant.Schema, schema)
	}
	if !s.host.knows(schema) {
		return nil, fmt.Errorf("%w: schema %.63q is no tenant's; to ask before the tenant is known pass no schema", abi.NotFound, schema)
	}
	return queries.Query(ctx, schema, name, args)
}

// Log writes what the guest said in a call, with the guest and the request that
// the call was for.
func (s *services) Log(ctx context.Context, level slog.Level, text string) {
	attrs := append(make([]slog.Attr, 0, 5), slog.String("from", "guest"))
	if s.of != nil && s.of.program != nil { // nil while the guest is being loaded
		attrs = append(attrs, slog.String("guest", s.of.program.Digest()))
	}
	if id := requestID(ctx); id != "" {
		attrs = append(attrs, slog.String("request", id))
	}
	if s.tenant != nil {
		attrs = append(attrs, slog.String("tenant", s.tenant.Schema))
	}
	s.host.said.write(ctx, level, text, attrs)
}

// knows reports whether there is a tenant of that schema.
func (h *Host) knows(schema string) bool {
	if h.static[schema] != nil {
		return true
	}
	_, ok := h.config.Directory.BySchema(schema)
	return ok
}
