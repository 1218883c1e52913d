package edge

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

func TestARowThatAReferenceToAStaticTenantNamesIsRefused_B2(t *testing.T) {
	text := func(s string) *string { return &s }
	c := Config{
		GuestConfig: abi.Config{
			Tenants: []abi.StaticTenant{{Schema: "www", Header: text("Main"), SessionKey: text("42")}, {Schema: "blog"}},
			Default: &abi.DefaultTenant{CloneReference: "sample"},
		},
	}
	d := tenantdb.NewDirectory(tenantdb.Options{Normalize: tenancy.NormalizeHost, RefuseTenant: c.RefuseTenant, CloneReference: "sample"})
	report := d.Replace(tenantdb.State{
		Tenants: []tenantdb.Tenant{
			{ID: "1", Schema: "main"}, {ID: "2", Schema: "MAIN"}, {ID: "42", Schema: "answer"}, {ID: "www", Schema: "a"}, {ID: "BLOG", Schema: "b"},
			{ID: "3", Schema: "Www"}, {ID: "4", Schema: "Public"}, {ID: "public", Schema: "c"}, {ID: "5", Schema: "SAMPLE"}, {ID: "6", Schema: "sample"}, {ID: "7", Schema: "Default"},
			{ID: "8", Schema: "fine"}, {ID: "420", Schema: "fine2"}, {ID: "042", Schema: "fine3"},
		},
		Domains: []tenantdb.Domain{{TenantID: "1", Domain: "main.test"}, {TenantID: "8", Domain: "fine.test"}},
	})
	if report.Tenants != 3 || report.LeftOut != 12 {
		t.Errorf("the report is %+v, expected three tenants and twelve omitted rows", report)
	}
	for _, ref := range []string{"main", "MAIN", "42", "answer", "www", "Www", "blog", "Public", "public", "SAMPLE", "Default"} {
		if found, ok := d.ByReference(ref); ok {
			t.Errorf("%q names %+v, expected no row", ref, found)
		}
	}
	if got := len(d.Problems()); got != 12 {
		t.Errorf("%d problems are kept, expected 12", got)
	}
	d.Apply([]tenantdb.Change{{Tenant: tenantdb.Tenant{ID: "1", Schema: "other"}}, {Tenant: tenantdb.Tenant{ID: "9", Schema: "main"}}})
	problems := map[string]string{}
	for _, p := range d.Problems() {
		problems[p.TenantID+" "+p.Schema] = p.Reason
	}
	if _, still := problems["1 main"]; still || problems["9 main"] == "" || len(problems) != 11 {
		t.Errorf("after a change, the problems are %v", problems)
	}
}
