package rivals

import (
	"context"

	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// native is package tenancy without Wasm: the baseline.
type native struct {
	router *tenancy.Router
	rows   rows
}

func startNative(_ context.Context, t *table.Table) (Rival, error) {
	config := t.Config
	router, err := tenancy.New(&config)
	return &native{router, rows{t.Directory}}, err
}

func (n *native) Worker() (Worker, error) {
	return &nativeWorker{native: n, directory: n.rows}, nil
}

func (n *native) Close() error { return nil }

type nativeWorker struct {
	*native
	directory tenancy.Directory
	request   tenancy.Request
	decision  tenancy.Decision
}

func (w *nativeWorker) Route(_ context.Context, q *edge.Request) (Answer, error) {
	r, d := &w.request, &w.decision
	r.Method, r.Scheme, r.Host, r.HasHost, r.Target = q.Method, q.Scheme, q.Host, !q.NoHost, q.Target
	w.router.Route(r, w.directory, d)
	a := Answer{Outcome: d.Outcome}
	if d.Outcome == abi.Tenant {
		a.Schema, a.Path = d.Schema, d.Path
	}
	return a, nil
}

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
