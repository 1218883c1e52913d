package storage

import "github.com/tenantedge/tenantedge/edge/tenant"

// TenantOf returns the tenant whose files a request for t uses.
func TenantOf(t *tenant.Tenant) Tenant {
	pathname, has := t.Pathname()
	return Tenant{Schema: t.Schema, Folder: t.Routing.Folder, Pathname: pathname, HasPathname: has}
}
