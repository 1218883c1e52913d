// Command minimal is a guest in a few lines: the tenant is what stands before
// the first dot of the host, and its cache keys carry a version of their own.
// All else, such as where its files are, is the default guest's.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o minimal.wasm ./guest/examples/minimal
package main

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func init() {
	guest.Serve(guest.Handlers{Route: route, CacheKey: cacheKey})
}

func main() {}

func route(r *guest.Request, d *guest.Decision) {
	name, _, _ := strings.Cut(r.Host, ".")
	row, err := guest.TenantByReference(name)
	if err != nil {
		d.Refuse(abi.Missing, "no tenant is called as the host begins: "+err.Error())
		return
	}
	d.Serve(&row, tenancy.ByDomain, r.Host)
	d.Path, _, _ = strings.Cut(r.Target, "?")
}

func cacheKey(schema, prefix, version, key string) (string, error) {
	return tenancy.CacheKey(schema, prefix, "v2-"+version, key), nil
}
