package guests

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/edge/trace"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Querier is edge.Querier.
type Querier interface {
	Query(ctx context.Context, schema, name string, args json.RawMessage) (json.RawMessage, error)
}

// publicQuerier is edge.PublicQuerier.
type publicQuerier interface {
	QueryPublic(ctx context.Context, name string, args json.RawMessage) (json.RawMessage, error)
}

// services implements the host functions of one instance. It keeps the rows that the
// guest looked up during the current call: decisions are checked against them and take
// their strings from them, which saves copies out of guest memory.
type services struct {
	set        *Set
	generation *Generation     // of the instance
	tenants    *Tenants        // of the set; with a tape, a copy that asks the tape
	taped      Tenants         // that copy
	tape       Tape            // of the call; nil: none
	match      *tenantdb.Match // the guest's last lookup; noMatch before the first
	primary    string          // domain of the primary row that the guest looked up
	lookahead  *tenantdb.Match // the row that was sent with the request; noMatch: none
	names      interned
	tenant     *tenant.Tenant // of the request that the call is for; nil while the guest routes
	noFiles    bool           // the call may not use files

	// match and lookahead point to these fields, so that lookups allocate nothing.
	lookedUp, lookaheadRow tenantdb.Match
}

// noMatch stands in for a row that was not looked up.
var noMatch tenantdb.Match

var _ hostfuncs.Services = (*services)(nil)

func newServices(s *Set, g *Generation) *services {
	v := &services{set: s, generation: g}
	v.begin()
	return v
}

// begin clears what the previous call left.
func (s *services) begin() {
	s.match, s.lookahead = &noMatch, &noMatch
	s.primary, s.tenant, s.noFiles = "", nil, false
	s.tenants, s.tape = s.set.config.Tenants, nil
}

// beginFor is like begin, for a call about a request that was routed to t.
func (s *services) beginFor(t *tenant.Tenant) {
	s.begin()
	s.tenant = t
}

// lookAhead writes to out the record that the guest would look up for r. It reports
// false if there is none, if it does not fit, or if the guest might look up another.
func (s *services) lookAhead(r *Request, out []byte) (size int, ok bool) {
	folder, ok := abi.FirstSegment(r.Target)
	if !ok {
		return 0, false
	}
	host := r.Host
	if port := strings.LastIndexByte(host, ':'); port >= 0 {
		host = host[:port]
	}
	if s.lookaheadRow, ok = s.tenants.rows.ByDomain(host, folder); !ok {
		return 0, false
	}
	if size = record(&s.lookaheadRow, true, out); size > len(out) {
		return 0, false
	}
	s.lookahead = &s.lookaheadRow
	return size, true
}

func (s *services) ByDomain(domain, folder string, out []byte) (int, bool) {
	m, ok := s.tenants.rows.ByDomain(domain, folder)
	if !ok {
		return 0, false
	}
	return record(s.found(m), true, out), true
}

func (s *services) ByReference(ref string, out []byte) (int, bool) {
	t, ok := s.tenants.rows.ByReference(ref)
	if !ok {
		return 0, false
	}
	return record(s.found(tenantdb.Match{Tenant: t}), false, out), true
}

// found records a lookup of the guest.
func (s *services) found(m tenantdb.Match) *tenantdb.Match {
	s.lookedUp = m
	s.match = &s.lookedUp
	return s.match
}

func (s *services) Primary(id string, out []byte) (int, bool) {
	m, ok := s.tenants.rows.Primary(id)
	if !ok {
		return 0, false
	}
	s.primary = m.Domain
	return record(&m, true, out), true
}

// record returns the size of the abi's record of m. It writes the record to out, or
// nothing if it does not fit: a part of it after the message that lookAhead extends would
// not be reset after the call.
func record(m *tenantdb.Match, withDomain bool, out []byte) int {
	size := putRecord(m, withDomain, nil)
	if size <= len(out) {
		putRecord(m, withDomain, out)
	}
	return size
}

// putRecord writes as much of the record as fits, and returns its size.
func putRecord(m *tenantdb.Match, withDomain bool, out []byte) int {
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
	if s.tape == nil {
		return s.query(ctx, schema, name, args)
	}
	return s.tape.Query(schema, name, args, func() ([]byte, error) { return s.query(ctx, schema, name, args) })
}

func (s *services) query(ctx context.Context, schema, name string, args []byte) (rows []byte, err error) {
	ctx, span := trace.Start(s.set.config.Tracer, ctx, "query")
	if span == nil {
		return s.queryUntraced(ctx, schema, name, args)
	}
	name = strings.Clone(name) // the span outlives the guest's memory
	rows, err = s.queryUntraced(ctx, schema, name, args)
	span.End(err, slog.String(attrTenant, strings.Clone(schema)), slog.String(attrQuery, name))
	return rows, err
}

func (s *services) queryUntraced(ctx context.Context, schema, name string, args []byte) ([]byte, error) {
	queries := s.set.config.Queries
	if queries == nil {
		return nil, fmt.Errorf("%w: expected queries in the configuration, found none", abi.Unavailable)
	}
	// Copied, since a driver may keep them after the call, when guest memory is reset.
	schema, name, args = strings.Clone(schema), strings.Clone(name), bytes.Clone(args)
	if schema == "" {
		public, ok := queries.(publicQuerier)
		if !ok {
			return nil, fmt.Errorf("%w: expected the schema of a tenant, found none; statements cannot run in schema public only", abi.Denied)
		}
		return public.QueryPublic(ctx, name, args)
	}
	if s.tenant != nil && schema != s.tenant.Schema {
		return nil, fmt.Errorf("%w: expected %q, the schema of the request's tenant, found %.63q", abi.Denied, s.tenant.Schema, schema)
	}
	if !s.tenants.Exists(schema) {
		return nil, fmt.Errorf("%w: no tenant has the schema %.63q; pass no schema to query before the tenant is known", abi.NotFound, schema)
	}
	return queries.Query(ctx, schema, name, args)
}

// Log logs text of the guest, with the guest's digest, the request's id and the tenant.
// The guest's attributes are in the group "attrs".
func (s *services) Log(ctx context.Context, level slog.Level, text string, attrs ...slog.Attr) {
	s.set.log.write(ctx, level, text, s.logged(ctx), attrs...)
}

// logged returns the attributes of the guest's log records.
func (s *services) logged(ctx context.Context) []slog.Attr {
	attrs := append(make([]slog.Attr, 0, 7), slog.String("from", "guest"))
	if s.generation != nil {
		attrs = append(attrs, slog.String("guest", s.generation.digest))
	}
	if id := requestid.Of(ctx); id != "" {
		attrs = append(attrs, slog.String("request", id))
	}
	if trace := requestid.TraceOf(ctx); trace != "" {
		attrs = append(attrs, slog.String("trace", trace))
	}
	if s.tenant != nil {
		attrs = append(attrs, slog.String("tenant", s.tenant.Schema))
	}
	return attrs
}
