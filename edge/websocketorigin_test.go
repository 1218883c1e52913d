package edge

import (
	"testing"

	"github.com/tenantedge/tenantedge/tenantdb"
)

func TestAnOriginWithWWWIsOfTheTenantThatHasThatName_B1(t *testing.T) {
	for compat, cases := range map[string]map[string]string{
		Hardened: {"www.split.test": "one", "split.test": "two", "www.alone.test": "two", "www.site.test": "www", "site.test": "one", "www.nobody.test": ""},
		Strict:   {"www.split.test": "two", "split.test": "two", "www.alone.test": "two", "www.site.test": "one", "site.test": "one", "www.nobody.test": ""},
	} {
		h := newHost(t, func(c *Config) {
			c.Compat = compat
			c.Tenants = []StaticTenant{{Schema: "www", Domains: []string{"WWW.Site.test."}}}
			c.Directory.Replace(tenantdb.State{
				Tenants: []tenantdb.Tenant{{ID: "1", Schema: "one"}, {ID: "2", Schema: "two"}},
				Domains: []tenantdb.Domain{
					{TenantID: "1", Domain: "www.split.test"}, {TenantID: "2", Domain: "split.test"},
					{TenantID: "2", Domain: "alone.test"}, {TenantID: "1", Domain: "site.test"},
				},
			})
		})
		tenants := []*Tenant{{Schema: "one", ID: "1", Dynamic: true}, {Schema: "two", ID: "2", Dynamic: true}, {Schema: "www"}}
		for domain, want := range cases {
			for _, tenant := range tenants {
				if got := h.owns(tenant, domain); got != (tenant.Schema == want) {
					t.Errorf("%s: %s owns %s: %v, expected %q to own it", compat, tenant.Schema, domain, got, want)
				}
			}
		}
	}
}
