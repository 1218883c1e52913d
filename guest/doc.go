// Package guest is the SDK for guests in Go. A guest decides which tenant a
// request is for. Package abi has the contract between guest and host.
//
//	package main
//
//	import (
//		"strings"
//
//		"github.com/tenantedge/tenantedge/guest"
//		"github.com/tenantedge/tenantedge/guest/tenancy"
//	)
//
//	func init() {
//		guest.Serve(guest.Handlers{Route: func(r *guest.Request, d *guest.Decision) {
//			name, _, _ := strings.Cut(r.Host, ".")
//			if row, err := guest.TenantByReference(name); err == nil {
//				d.Serve(&row, tenancy.ByDomain, r.Host)
//			}
//		}})
//	}
//
//	func main() {}
//
// Build it with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o guest.wasm
//
// In that mode a module is a library: the host runs init functions, but not
// main, so call Serve in an init function.
//
// Strings and slices that a handler receives point into a buffer that the next
// call overwrites. The host resets the guest's memory after each call, so
// variables do not survive it either.
//
// Package guesttest runs a guest natively, under plain go test.
package guest
