// Command minimal is a small guest: the schema is the part of the host before the
// first dot, and cache keys have a version of the guest's. The rest, such as the
// paths of files, is as in the default guest.
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
		d.Refuse(abi.Missing, "no tenant has the host's first label as its schema or id: "+err.Error())
		return
	}
	d.Serve(&row, tenancy.ByDomain, r.Host)
}

func cacheKey(schema, prefix, version, key string) (string, error) {
	return tenancy.CacheKey(schema, prefix, "v2-"+version, key), nil
}
