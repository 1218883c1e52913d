package storage

import (
	"context"

	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Tenant identifies the tenant whose files are accessed.
type Tenant struct {
	Schema string
	Folder string // the folder by which the request was routed; "" if none
	// Pathname is the tenant's own identifier (schema_pathname), if it has one.
	Pathname    string
	HasPathname bool
}

// TenantOf returns the Tenant of a request's tenant.
func TenantOf(t *tenant.Tenant) Tenant {
	pathname, has := t.Pathname()
	return Tenant{Schema: t.Schema, Folder: t.Routing.Folder, Pathname: pathname, HasPathname: has}
}

// Locator decides where a tenant's files are. An edge's Host is one: it asks
// the guest.
type Locator interface {
	// Locate answers q. The error means that there is no answer; Err of the
	// answer rejects the tenant or the name.
	Locate(ctx context.Context, q *tenancy.PathQuery) (tenancy.Pathname, error)
}
