package edge_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

func Example() {
	dir := tenantdb.NewDirectory(tenantdb.Options{})
	dir.Replace(tenantdb.State{
		Tenants: []tenantdb.Tenant{{ID: "1", Schema: "acme"}},
		Domains: []tenantdb.Domain{{TenantID: "1", Domain: "acme.example.com", IsPrimary: true}},
	})
	host, err := edge.New(context.Background(), edge.Config{
		Tenants:   []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}}},
		Default:   &abi.DefaultTenant{},
		Directory: dir,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	handler := host.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, _ := tenant.From(r.Context())
		fmt.Fprintf(w, "%s sees %s\n", t.Schema, t.Path)
	}))

	for _, url := range []string{"http://example.com/", "http://acme.example.com/orders", "http://unknown.example.com/"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
		fmt.Print(w.Body)
	}
	// Output:
	// www sees /
	// acme sees /orders
	// 404 Not Found
}

// The embedder gets the details of a guest's failure; the client gets only the
// request's id.
func ExampleGuestError() {
	config := edge.Config{
		Refused: func(w http.ResponseWriter, r *http.Request, e *edge.RouteError) {
			var guest *edge.GuestError
			if errors.As(e, &guest) && guest.Trap == stats.TrapFuel {
				fmt.Printf("%s used %d units of fuel on request %s\n", guest.Export, guest.Fuel, e.RequestID)
			}
			http.Error(w, "request "+e.RequestID, e.Status)
		},
	}
	host, err := edge.New(context.Background(), config)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
}
