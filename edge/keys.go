package edge

import (
	"context"

	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// tenantOf returns t, or else the tenant of ctx, or else nil.
func tenantOf(ctx context.Context, t *tenant.Tenant) *tenant.Tenant {
	if t == nil {
		t, _ = tenant.From(ctx)
	}
	return t
}

// CacheKey returns the key of a tenant's value in a cache that tenants share. A
// nil tenant means the tenant of ctx, or without one the schema public. The guest
// makes the key, so a swap can change it; the default guest returns
// schema:prefix:version:key, as django-pgschemas does.
//
// Keys of different tenants differ: it is an error if the guest's key does not
// begin with the schema. Within a tenant, keys can be equal where prefix or
// version contain colons; use [Host.DistinctCacheKey] where users choose these.
func (h *Host) CacheKey(ctx context.Context, t *tenant.Tenant, prefix, version, key string) (string, error) {
	var schema string
	if t = tenantOf(ctx, t); t != nil {
		schema = t.Schema
	}
	found, err := h.guests.CacheKey(ctx, schema, prefix, version, key)
	return found, public(err)
}

// DistinctCacheKey is [Host.CacheKey] for any prefix and version: it writes
// percent signs and colons in both as %25 and %3A, so that different arguments
// give different keys. A guest that makes its own keys must keep keys distinct
// for prefixes and versions without colons.
func (h *Host) DistinctCacheKey(ctx context.Context, t *tenant.Tenant, prefix, version, key string) (string, error) {
	return h.CacheKey(ctx, t, tenancy.DistinctPart(prefix), tenancy.DistinctPart(version), key)
}

// ReverseKey returns the key from which CacheKey or DistinctCacheKey made
// cacheKey.
func (h *Host) ReverseKey(ctx context.Context, cacheKey string) (string, error) {
	key, err := h.guests.ReverseKey(ctx, cacheKey)
	return key, public(err)
}

// Pathname returns where a tenant's file is on disk and on the web, as the guest
// decides. A nil tenant means the tenant of ctx, or without one the schema public;
// it sets the schema, the folder and the pathname of q. The error is the guest's
// failure; a name that is refused is reported by Err of the result.
func (h *Host) Pathname(ctx context.Context, t *tenant.Tenant, q tenancy.PathQuery) (tenancy.Pathname, error) {
	if t = tenantOf(ctx, t); t == nil {
		t = &tenant.Tenant{Schema: tenancy.PublicSchema}
	}
	q.Schema, q.Folder = t.Schema, t.Routing.Folder
	q.SchemaPathname, q.HasSchemaPathname = t.Pathname()
	return h.Locate(ctx, &q)
}

// Locate is [Host.Pathname] for a tenant that q names. It implements
// storage.Locator.
func (h *Host) Locate(ctx context.Context, q *tenancy.PathQuery) (tenancy.Pathname, error) {
	p, err := h.guests.Locate(ctx, q)
	return p, public(err)
}
