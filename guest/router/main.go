// Command router is the default guest, which routes with package tenancy.
// `make guest` builds assets/router.wasm from it, without package fmt, and packs it. The
// same Go release builds the same bytes on every machine.
package main

import (
	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func init() {
	guest.Serve(guest.Handlers{
		Configure: func(*abi.Config) (abi.Configured, error) {
			return abi.Configured{Name: "tenantedge router", Version: "1"}, nil
		},
		SelfTest: selfTest,
	})
}

func main() {}
