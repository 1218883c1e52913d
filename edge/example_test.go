package edge_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/tenantdb"
)

func Example() {
	dir := tenantdb.NewDirectory(tenantdb.Options{})
	dir.Replace(tenantdb.State{
		Tenants: []tenantdb.Tenant{{ID: "1", Schema: "acme"}},
		Domains: []tenantdb.Domain{{TenantID: "1", Domain: "acme.example.com", IsPrimary: true}},
	})
	host, err := edge.New(context.Background(), edge.Config{
		Tenants:   []edge.StaticTenant{{Schema: "www", Domains: []string{"example.com"}}},
		Default:   &edge.DefaultTenant{},
		Directory: dir,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	handler := host.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tenant, _ := edge.TenantFrom(r.Context())
		fmt.Fprintf(w, "%s sees %s\n", tenant.Schema, tenant.Path)
	}))

	for _, url := range []string{"http://example.com/", "http://acme.example.com/orders", "http://nobody.example.com/"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
		fmt.Print(w.Body)
	}
	// Output:
	// www sees /
	// acme sees /orders
	// 404 Not Found
}

// A guest that is swapped in is first run by another process: this program,
// started once more. SmokeMain, called before anything else in main, is what
// that process runs.
func ExampleReexecSmokeRun() {
	edge.SmokeMain()

	ctx := context.Background()
	host, err := edge.New(ctx, edge.Config{SmokeRun: edge.ReexecSmokeRun()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	_, err = host.Swap(ctx, []byte("no guest at all"))
	fmt.Println(err)
	// Output:
	// edge: smoke run: expected the guest to load and to answer in a process of its own, found instance: guest b8bbbbff6c0d: is no valid WebAssembly module: meter: wasm: malformed module: no section, offset 0x0: expected a Wasm module of version 1, found other bytes
}

// What a failure of the guest was is told to the embedder, and never to the client.
func ExampleGuestError() {
	config := edge.Config{
		Refused: func(w http.ResponseWriter, r *http.Request, e *edge.RouteError) {
			var guest *edge.GuestError
			if errors.As(e, &guest) && guest.Reason == edge.TrapFuel {
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
