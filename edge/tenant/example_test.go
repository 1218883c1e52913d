package tenant_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// A handler is tested without a host: the test puts the tenant into the context.
func ExampleFrom() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		t, ok := tenant.From(r.Context())
		if !ok {
			http.NotFound(w, r)
			return
		}
		plan, _ := t.Attributes.Get("plan")
		fmt.Fprintf(w, "%s has the plan %s", t.Schema, plan)
	}

	acme := &tenant.Tenant{
		Schema:     "acme",
		Attributes: tenant.NewAttributes([]tenantdb.Attribute{{Name: "plan", Value: "gold"}}),
	}
	r := httptest.NewRequest("GET", "/", nil)
	w := httptest.NewRecorder()
	handler(w, r.WithContext(tenant.NewContext(r.Context(), acme)))
	fmt.Println(w.Body)
	// Output: acme has the plan gold
}
