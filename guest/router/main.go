// Command router is the default guest: package tenancy behind the exports of
// package guest. It is built into assets/router.wasm by
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -buildvcs=false \
//		-ldflags="-s -w -buildid=" -o assets/router.wasm ./guest/router
//
// which gives the same bytes wherever it runs with the same Go release.
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
