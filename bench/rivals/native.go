package rivals

import (
	"context"

	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// NativeRouter is the baseline: package tenancy without Wasm, as a server that
// embeds it would call it. Decisions share its memory: they are valid until the
// next one. It is not safe for concurrent use.
type NativeRouter struct {
	// The logic and the directory are interfaces, as in a server that can replace
	// them: the compiler inlines neither.
	router interface {
		Route(r *tenancy.Request, dir tenancy.Directory, d *tenancy.Decision)
	}
	directory tenancy.Directory
	request   tenancy.Request
	decision  tenancy.Decision
}

// NewNativeRouters returns a function that creates routers for a table.
func NewNativeRouters(t *table.Table) (func() *NativeRouter, error) {
	config := t.Config
	router, err := tenancy.New(&config)
	return func() *NativeRouter { return &NativeRouter{router: router, directory: rows{t.Directory}} }, err
}

// Route makes the same decision as Route of [edge.Host].
func (n *NativeRouter) Route(_ context.Context, q *edge.Request) (d edge.Decision, err error) {
	n.Decide(q, &d)
	return d, nil
}

// Decide is Route. It writes the decision, which is large, to d, which must be
// empty.
func (n *NativeRouter) Decide(q *edge.Request, d *edge.Decision) {
	r, from := &n.request, &n.decision
	r.Method, r.Scheme, r.Host, r.HasHost, r.Target = q.Method, q.Scheme, q.Host, !q.NoHost, q.Target
	n.router.Route(r, n.directory, from)
	d.Outcome, d.Status, d.Location, d.Reason = from.Outcome, from.Status, from.Location, from.Reason
	if from.Outcome != abi.Tenant {
		return
	}
	t := &d.Tenant
	t.Schema, t.ID, t.Dynamic = from.Schema, from.TenantID, from.Dynamic
	t.Routing = tenant.Routing{Router: abi.ByDomain, Domain: from.Domain, Folder: from.Folder}
	t.URLConf, t.WSURLConf, t.Path = from.URLConf, from.WSURLConf, from.Path
	t.Identifier, t.CachePrefix = from.Identifier, from.CachePrefix
}

// native is the rival for the suites without HTTP.
type native struct{ create func() *NativeRouter }

func startNative(_ context.Context, t *table.Table) (Rival, error) {
	create, err := NewNativeRouters(t)
	return native{create}, err
}

func (n native) Worker() (Worker, error) { return hostWorker{n.create()}, nil }
func (n native) Close() error            { return nil }

// rows adapts the directory to the interface of the native logic.
type rows struct{ *tenantdb.Directory }

var _ tenancy.Directory = rows{}

func (r rows) ByDomain(domain, folder string, into *tenancy.Record) bool {
	m, ok := r.Directory.ByDomain(domain, folder)
	fill(into, &m)
	return ok
}

func (r rows) ByReference(ref string, into *tenancy.Record) bool {
	t, ok := r.Directory.ByReference(ref)
	fill(into, &tenantdb.Match{Tenant: t})
	return ok
}

func (r rows) Primary(id string, into *tenancy.Record) bool {
	m, ok := r.Directory.Primary(id)
	fill(into, &m)
	return ok
}

func fill(into *tenancy.Record, m *tenantdb.Match) {
	*into = tenancy.Record{
		ID: m.Tenant.ID, Schema: m.Tenant.Schema, Domain: m.Domain, Folder: m.Folder,
		Primary: m.IsPrimary, RedirectToPrimary: m.RedirectToPrimary, Ambiguous: m.Ambiguous,
	}
}
