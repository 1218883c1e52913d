package tenant_test

import (
	"context"
	"testing"

	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/tenantdb"
)

func TestAContextWithoutATenantHasNone(t *testing.T) {
	for name, ctx := range map[string]context.Context{
		"background": context.Background(),
		"nil tenant": tenant.NewContext(context.Background(), nil),
	} {
		if got, ok := tenant.From(ctx); ok || got != nil {
			t.Errorf("%s: From = %v, %v; expected none", name, got, ok)
		}
	}
}

// inner is the key of a value in a context derived from that of the tenant.
type inner struct{}

func TestFromAllocatesNothing(t *testing.T) {
	want := &tenant.Tenant{Schema: "acme", Attributes: tenant.NewAttributes([]tenantdb.Attribute{{Name: tenant.PathnameAttribute, Value: "files"}})}
	ctx := context.WithValue(tenant.NewContext(context.Background(), want), inner{}, true)
	if n := testing.AllocsPerRun(100, func() {
		got, ok := tenant.From(ctx)
		if !ok || got != want {
			t.Fatalf("From = %v, %v", got, ok)
		}
		if p, ok := got.Pathname(); !ok || p != "files" {
			t.Fatalf("Pathname = %q, %v", p, ok)
		}
	}); n != 0 {
		t.Errorf("%v allocations: expected 0", n)
	}
}
