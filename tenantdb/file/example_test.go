package file_test

import (
	"fmt"

	"github.com/tenantedge/tenantedge/tenantdb/file"
)

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
