package guests

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// If the guest returns no identifier or cache prefix, the tenant gets its default. Those
// that another tenant could also have are rejected.
func TestATenantHasNamesOfItsOwn_D7(t *testing.T) {
	dynamic, static := uint32(abi.Tenant)|abi.DecDynamic, uint32(abi.Tenant)
	for _, c := range []struct {
		name               string
		word               uint32
		schema, pathname   string
		identifier, prefix string // what the guest returns
		want               [2]string
		rejected           string
	}{
		{"no names", dynamic, "t1", "", "", "", [2]string{"t1", "t1"}, ""},
		{"no names, and a row with a pathname", dynamic, "t1", "acme-files", "", "", [2]string{"acme-files", "t1"}, ""},
		{"no names of a static tenant", static, "www", "", "", "", [2]string{"www", "www"}, ""},
		{"names other than the schema", dynamic, "t1", "", "t1-files", "t1:cache", [2]string{"t1-files", "t1:cache"}, ""},
		{"a prefix that all tenants share", dynamic, "t1", "", "", "app", [2]string{}, "cache prefix"},
		{"a prefix that all static tenants share", static, "www", "", "", "app", [2]string{}, "cache prefix"},
		{"a prefix that ends in the schema", dynamic, "t1", "", "", "app:t1", [2]string{}, "cache prefix"},
		{"a prefix that could be another schema", dynamic, "t1", "", "", "t1x", [2]string{}, "cache prefix"},
		{"a prefix with another separator", dynamic, "t1", "", "", "t1-x", [2]string{}, "cache prefix"},
		{"another tenant's schema and a suffix as the prefix", dynamic, "t1", "", "", "t2:cache", [2]string{}, "cache prefix"},
		{"the tenant's schema in capitals as the prefix", dynamic, "t1", "", "", "T1", [2]string{}, "cache prefix"},
		{"another tenant's schema as the prefix", dynamic, "t1", "", "", "www", [2]string{}, "cache prefix"},
		{"another tenant's schema as the identifier", static, "www", "", "t1", "", [2]string{}, "identifier"},
		{"the same in capitals", static, "www", "", "T1", "", [2]string{}, "identifier"},
		{"the schema of no tenant", dynamic, "t1", "", "", "public", [2]string{}, "cache prefix"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := testSet(t)
			if c.pathname != "" {
				set.config.Tenants.Directory.Replace(tenantdb.State{Tenants: []tenantdb.Tenant{{ID: "1", Schema: "t1", Attributes: []tenantdb.Attribute{{Name: tenant.PathnameAttribute, Value: c.pathname}}}}})
			}
			fields := map[int]string{abi.DecSchema: c.schema, abi.DecReference: c.schema}
			if c.identifier != "" {
				fields[abi.DecIdentifier] = c.identifier
			}
			if c.prefix != "" {
				fields[abi.DecCachePrefix] = c.prefix
			}
			var d Decision
			err := newServices(set, nil).decode(&d, answers{word: c.word, fields: fields}.message(t), &Request{Target: "/", Host: "x"})
			if c.rejected != "" {
				if err == nil || !strings.Contains(err.Error(), c.rejected) {
					t.Fatalf("got %v, want %q", err, c.rejected)
				}
				return
			}
			if err != nil || d.Tenant.Identifier != c.want[0] || d.Tenant.CachePrefix != c.want[1] {
				t.Fatalf("found %q and %q, %v, want %q", d.Tenant.Identifier, d.Tenant.CachePrefix, err, c.want)
			}
		})
	}
}
