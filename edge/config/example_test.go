package config_test

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/config"
)

func ExampleParse() {
	f, err := config.Parse("tenantedge.yaml", []byte(`
listeners: [":8080"]
tenants:
  public: {APPS: [shared]}
  www: {DOMAINS: [example.com], URLCONF: site}
  default: {URLCONF: app}
directory: {source: postgres, dsn_env: DATABASE_URL, tenant_table: app_tenant, domain_table: app_domain}
urlconfs:
  site: {files: ./public}
  app: http://127.0.0.1:8000
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.GuestConfig.Tenants[0].Schema, f.URLConfs["app"].Upstream, f.CheckServe())

	_, err = config.Parse("tenantedge.yaml", []byte("listners: []\ncompat: harded\n"))
	fmt.Println(err)
	// Output:
	// www http://127.0.0.1:8000 <nil>
	// tenantedge.yaml:1:1: listners: expected a known key, found an unknown one; did you mean listeners?
	// tenantedge.yaml:2:9: compat: expected hardened or strict, found the string "harded"; did you mean hardened?
}
