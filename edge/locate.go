package edge

import (
	"context"

	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// GuestDigest is Guest().Digest, for those who ask at each request.
func (h *Host) GuestDigest() string { return h.current.Load().program.Digest() }

// Locate asks the guest where a tenant's files are, as [Host.Pathname] does. It
// makes a Host what package storage asks for: a Locator.
func (h *Host) Locate(ctx context.Context, q *tenancy.PathQuery) (tenancy.Pathname, error) {
	t := tenant.Tenant{Schema: q.Schema, Routing: tenant.Routing{Router: abi.ByDomain, Folder: q.Folder}}
	if q.HasSchemaPathname {
		t.Attributes = tenant.NewAttributes([]tenantdb.Attribute{{Name: tenant.PathnameAttribute, Value: q.SchemaPathname}})
	}
	p, err := h.Pathname(ctx, PathQuery{Tenant: &t, Location: q.Location, BaseURL: q.BaseURL, Name: q.Name, NoName: !q.HasName})
	return tenancy.Pathname(p), err
}
