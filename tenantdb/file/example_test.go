package file_test

import (
	"context"
	"fmt"
	"os"

	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/file"
)

func ExampleNew() {
	follow := func(ctx context.Context) error {
		dir := tenantdb.NewDirectory(tenantdb.Options{})
		src := file.New(file.Options{Path: "tenants.yaml"})
		if err := src.Load(ctx, dir); err != nil {
			return err
		}
		go src.Follow(ctx, dir)

		match, found := dir.ByDomain("shared.example.com", "acme")
		fmt.Println(match.Tenant.Schema, found)
		return nil
	}
	if err := follow(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func ExampleDecode() {
	_, err := file.Decode("tenants.yaml", []byte(`
tenants:
  - {id: 1, schema_name: acme}
domains:
  - tenant_id: 1
    domain: acme.example.com
    is_primry: true
`))
	fmt.Println(err)
	// Output:
	// tenants.yaml:7:16: domains[0].is_primry: expected tenant_id, domain, folder, is_primary or redirect_to_primary, found key "is_primry"; correct or remove it
}
