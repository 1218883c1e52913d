package edge_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

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
		GuestConfig: abi.Config{
			Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}}},
			Default: &abi.DefaultTenant{},
		},
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
		page, _, _ := strings.Cut(w.Body.String(), "\n") // a refusal has the id of the request, too
		fmt.Println(page)
	}
	// Output:
	// www sees /
	// acme sees /orders
	// 404 Not Found
}

// A server that is not net/http fills in an Incoming as it received the request, and
// sends the application only the headers that the Host returns.
func ExampleHost_RequestFrom() {
	ctx := context.Background()
	host, err := edge.New(ctx, edge.Config{GuestConfig: abi.Config{Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	r, err := host.RequestFrom(ctx, &edge.Incoming{
		Method: "GET", Host: "Example.com", Target: "/orders", RemoteAddr: "203.0.113.7:49152", TLS: true, ProtoMajor: 2,
		Header: http.Header{"tenant": {"acme"}, "x-forwarded-for": {"10.0.0.1"}, "accept": {"text/html"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := host.Route(ctx, &r)
	if err != nil {
		fmt.Println(err)
		return
	}
	authority, header := host.UpstreamHeader(&r, &d, false)
	fmt.Println(d.Outcome, d.Tenant.Schema, authority)
	fmt.Println(header.Get("X-Forwarded-For"), header.Get("X-Forwarded-Proto"), header.Get("Tenant") != "acme", header.Get("Accept"))
	// Output:
	// tenant www example.com
	// 203.0.113.7 https true text/html
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
