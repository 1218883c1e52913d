package tenancy_test

import (
	"fmt"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func ExampleRouter_Route() {
	router, err := tenancy.New(&abi.Config{
		ABI:     abi.Version,
		Default: &abi.DefaultTenant{URLConf: "app.urls"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	directory := &rows{
		tenants: []tenant{{"7", "acme"}},
		domains: []row{{tenant: "7", domain: "shop.example.com", folder: "acme", primary: true}},
	}
	var d tenancy.Decision
	router.Route(&tenancy.Request{
		Method: "GET", Host: "Shop.Example.com:8080", HasHost: true, Target: "/acme/cart?item=1",
	}, directory, &d)
	fmt.Println(d.Outcome, d.Schema, d.URLConf, d.Path)
	// Output: tenant acme app.urls /cart
}

func ExampleLocate() {
	p := tenancy.Locate(&tenancy.PathQuery{
		Schema: "tenant1", Folder: "tenant1",
		Location: "/srv/static", BaseURL: "/static/", Name: "path/to/file.txt", HasName: true,
	}, false)
	fmt.Println(p.Path)
	fmt.Println(p.URL)
	// Output:
	// /srv/static/tenant1/path/to/file.txt
	// /tenant1/static/path/to/file.txt
}
