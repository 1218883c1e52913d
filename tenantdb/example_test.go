package tenantdb_test

import (
	"fmt"

	"github.com/tenantedge/tenantedge/tenantdb"
)

func ExampleDirectory() {
	dir := tenantdb.NewDirectory(tenantdb.Options{})
	report := dir.Replace(tenantdb.State{
		Tenants: []tenantdb.Tenant{{ID: "1", Schema: "acme"}, {ID: "2", Schema: "pg_x"}},
		Domains: []tenantdb.Domain{
			{TenantID: "1", Domain: "acme.example.com", IsPrimary: true},
			{TenantID: "1", Domain: "shared.example.com", Folder: "acme", RedirectToPrimary: true},
		},
	})
	fmt.Println(report)

	match, found := dir.ByDomain("shared.example.com", "acme")
	fmt.Println(match.Tenant.Schema, match.RedirectToPrimary, found)

	dir.Apply([]tenantdb.Change{{Tenant: tenantdb.Tenant{ID: "1"}, Removed: true}})
	_, found = dir.ByReference("acme")
	fmt.Println(found)
	// Output:
	// 1 tenants, 2 domains, 1 rows left out; tenant "2" (schema "pg_x"): schema names that start with pg_ are reserved by Postgres
	// acme true true
	// false
}
